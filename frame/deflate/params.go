package deflate

import (
	"errors"
	"strconv"
)

// Params are the parameters of permessage-deflate that two endpoints have agreed
// on (RFC 7692 7.1). The zero value is the extension without parameters: context
// takeover and windows of 15 bits each way.
type Params struct {
	// ServerNoContextTakeover and ClientNoContextTakeover say that the server, or the
	// client, compresses each message without reference to earlier ones (7.1.1).
	ServerNoContextTakeover bool
	ClientNoContextTakeover bool

	// ServerMaxWindowBits and ClientMaxWindowBits bound the LZ77 window with which the
	// server, or the client, compresses, as the base-2 logarithm of its bytes: 8 to 15
	// (7.1.2). 0: not named, which means 15.
	ServerMaxWindowBits int
	ClientMaxWindowBits int
}

// The windows that RFC 7692 7.1.2 knows, as the base-2 logarithm of their bytes.
const (
	minWindowBits = 8
	MaxWindowBits = 15
)

// extensionName is the extension's registered name: RFC 7692 7.
const extensionName = "permessage-deflate"

// The names of the parameters: RFC 7692 7.1. They are compared as they stand.
const (
	serverNoContextTakeover = "server_no_context_takeover"
	clientNoContextTakeover = "client_no_context_takeover"
	serverMaxWindowBits     = "server_max_window_bits"
	clientMaxWindowBits     = "client_max_window_bits"
)

// String returns the value of Sec-WebSocket-Extensions with which a server agrees
// to p.
func (p Params) String() string { return string(p.append(nil)) }

// append appends [Params.String] to dst and returns the extended slice.
func (p Params) append(dst []byte) []byte {
	dst = append(dst, extensionName...)
	if p.ServerNoContextTakeover {
		dst = append(dst, "; "+serverNoContextTakeover...)
	}
	if p.ClientNoContextTakeover {
		dst = append(dst, "; "+clientNoContextTakeover...)
	}
	if p.ServerMaxWindowBits != 0 {
		dst = append(dst, "; "+serverMaxWindowBits+"="...)
		dst = strconv.AppendInt(dst, int64(p.ServerMaxWindowBits), 10)
	}
	if p.ClientMaxWindowBits != 0 {
		dst = append(dst, "; "+clientMaxWindowBits+"="...)
		dst = strconv.AppendInt(dst, int64(p.ClientMaxWindowBits), 10)
	}
	return dst
}

// errWindowBits is what a program's own Params break that name a window there is not.
var errWindowBits = errors.New("framerail: a window of compression has 8 to 15 bits, or 0 for 15 (RFC 7692 7.1.2)")

// Validate tells whether p can be agreed on.
func (p Params) Validate() error {
	for _, bits := range [...]int{p.ServerMaxWindowBits, p.ClientMaxWindowBits} {
		if bits != 0 && (bits < minWindowBits || bits > MaxWindowBits) {
			return errWindowBits
		}
	}
	return nil
}
