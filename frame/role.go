package frame

// Role is the part that the endpoint which decodes and encodes here plays in
// its connection. It decides who masks (RFC 6455 5.1). The zero value is Server.
type Role uint8

const (
	Server Role = iota // receives masked frames, sends unmasked ones
	Client             // receives unmasked frames, sends masked ones
)

// String returns "Server" or "Client".
func (r Role) String() string {
	if r == Client {
		return "Client"
	}
	return "Server"
}
