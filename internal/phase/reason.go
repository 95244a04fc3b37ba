package phase

// Reason says why a connection was closed before it was open, without an answer that says so.
type Reason uint8

const (
	// Left: the client closed the connection.
	Left Reason = iota
	// Timeout: the client was late.
	Timeout
	// BadProxyHeader: a proxy sent no valid PROXY header.
	BadProxyHeader
	// TLSFailed: the TLS handshake failed.
	TLSFailed
	// TLSBusy: the TLS handshake waited for its turn until the client's time was over.
	TLSBusy
	// NoMemory: there was no memory for what the client sent.
	NoMemory
	// Draining: the server is shutting down.
	Draining
	// Failed: the system or the program failed.
	Failed

	Reasons // how many there are
)
