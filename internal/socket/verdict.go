package socket

// AcceptVerdict says what an accept loop does next.
type AcceptVerdict uint8

const (
	// AcceptOK: there is a connection and no error.
	AcceptOK AcceptVerdict = iota
	// AcceptWait: no connection is waiting. The poller reports the next one.
	AcceptWait
	// AcceptNext: this connection failed before it was accepted. Try the next at once.
	AcceptNext
	// AcceptPause: descriptors or memory are short, or the error is unknown and may pass.
	// The connection is still queued, so the listener stays readable. Stop watching it for
	// a while.
	AcceptPause
	// AcceptFatal: the descriptor is no listening socket, or no longer. Trying again cannot
	// succeed.
	AcceptFatal
)
