package socket

// AcceptVerdict is what an accept loop does next.
type AcceptVerdict uint8

const (
	// AcceptOK: there was no error, a connection is there.
	AcceptOK AcceptVerdict = iota
	// AcceptWait: nobody is waiting; the poller tells when somebody is.
	AcceptWait
	// AcceptNext: this one connection failed before it was accepted; try the
	// next at once.
	AcceptNext
	// AcceptPause: descriptors or memory are short, or something unforeseen
	// that may pass. The connection is still queued, so the listener stays
	// readable: stop watching it for a while instead of spinning.
	AcceptPause
	// AcceptFatal: the descriptor is not, or no longer, a listening socket.
	// Trying again cannot succeed.
	AcceptFatal
)
