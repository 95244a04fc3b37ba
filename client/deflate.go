package client

import (
	"github.com/framerail/framerail/frame/deflate"
	"github.com/framerail/framerail/internal/handshake"
)

// Deflate has the client's options for permessage-deflate (RFC 7692). The zero value is off.
//
// Set only Enabled to begin with. Then each message is compressed alone, and a connection keeps
// nothing for it between two messages. With context takeover, messages that resemble earlier ones get
// much smaller. Each connection then keeps the end of its traffic: up to 32 KiB each way, or the
// windows set here.
type Deflate struct {
	// Enabled offers the extension. The server may decline it: see [conn.Conn.Deflate].
	Enabled bool
	// ServerTakeover and ClientTakeover let each message of the server's, or of the client's, refer
	// to earlier ones (7.1.1), unless the server decides otherwise. Without ServerTakeover a server
	// that cannot do without it has to decline the extension.
	ServerTakeover bool
	ClientTakeover bool
	// ServerWindowBits and ClientWindowBits bound how far back a message may refer, as the base-2
	// logarithm of bytes, 8 to 15 (7.1.2). A server that cannot keep ServerWindowBits has to decline
	// the extension. 0: 15.
	ServerWindowBits int
	ClientWindowBits int
}

// wishes is what the client offers, for package deflate.
func (o *Deflate) wishes() []deflate.Params {
	if !o.Enabled {
		return nil
	}
	return []deflate.Params{(*handshake.Deflate)(o).Wish()}
}
