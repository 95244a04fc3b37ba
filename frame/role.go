package frame

// Role is this endpoint's part in its connection: Server or Client. A client masks its frames, a
// server does not (RFC 6455 5.1). The zero value is Server.
type Role uint8

const (
	Server Role = iota // receives masked frames, sends unmasked ones
	Client             // receives unmasked frames, sends masked ones
)
