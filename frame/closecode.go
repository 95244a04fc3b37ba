package frame

import "strconv"

// CloseCode says why a connection ends (RFC 6455 7.4). The names are those of
// RFC 6455 7.4.1 and of the IANA registry it opens. Zero is no code.
type CloseCode uint16

// The assigned codes below 3000. NoStatusReceived, AbnormalClosure and
// TLSHandshake are never sent: they tell a program how a connection ended that
// carried no code.
const (
	NormalClosure           CloseCode = 1000 // the purpose of the connection is fulfilled
	GoingAway               CloseCode = 1001 // a server shuts down, a browser leaves the page
	ProtocolError           CloseCode = 1002
	UnsupportedData         CloseCode = 1003 // such as binary where only text is understood
	NoStatusReceived        CloseCode = 1005 // never sent: the Close frame had no code
	AbnormalClosure         CloseCode = 1006 // never sent: there was no Close frame
	InvalidFramePayloadData CloseCode = 1007 // such as text that is not UTF-8
	PolicyViolation         CloseCode = 1008
	MessageTooBig           CloseCode = 1009
	MandatoryExtension      CloseCode = 1010 // a client missed an extension in the server's answer
	InternalError           CloseCode = 1011
	ServiceRestart          CloseCode = 1012 // come back after a while
	TryAgainLater           CloseCode = 1013 // overloaded: come back when asked to
	BadGateway              CloseCode = 1014
	TLSHandshake            CloseCode = 1015 // never sent: the TLS handshake failed
)

// onWire reports whether either side may send the code in a Close frame:
// the assigned codes of 1000-2999 but for 1004, 1005, 1006 and 1015, and all of
// 3000-4999, which belong to frameworks and programs (RFC 6455 7.4.1, 7.4.2).
func (c CloseCode) onWire() bool {
	switch {
	case c >= 3000:
		return c <= 4999
	case c >= InvalidFramePayloadData:
		return c <= BadGateway
	default:
		return c >= NormalClosure && c <= UnsupportedData
	}
}

// String returns the number and, where there is one, the name, such as
// "1001 (Going Away)".
func (c CloseCode) String() string {
	s := strconv.Itoa(int(c))
	if name := c.name(); name != "" {
		s += " (" + name + ")"
	}
	return s
}

// name returns the description of the IANA registry, or of the code's range.
func (c CloseCode) name() string {
	switch c {
	case NormalClosure:
		return "Normal Closure"
	case GoingAway:
		return "Going Away"
	case ProtocolError:
		return "Protocol Error"
	case UnsupportedData:
		return "Unsupported Data"
	case NoStatusReceived:
		return "No Status Received"
	case AbnormalClosure:
		return "Abnormal Closure"
	case InvalidFramePayloadData:
		return "Invalid Frame Payload Data"
	case PolicyViolation:
		return "Policy Violation"
	case MessageTooBig:
		return "Message Too Big"
	case MandatoryExtension:
		return "Mandatory Extension"
	case InternalError:
		return "Internal Error"
	case ServiceRestart:
		return "Service Restart"
	case TryAgainLater:
		return "Try Again Later"
	case BadGateway:
		return "Bad Gateway"
	case TLSHandshake:
		return "TLS Handshake"
	}
	return ""
}
