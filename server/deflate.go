package server

import (
	"github.com/framerail/framerail/frame/deflate"
	"github.com/framerail/framerail/internal/handshake"
)

// Deflate has the server's options for permessage-deflate (RFC 7692). The zero value is off.
//
// Set only Enabled to begin with. Then each message is compressed alone, and a connection keeps
// nothing for it between two messages.
//
// With context takeover, messages that resemble earlier ones get much smaller. From its first
// compressed message on, each connection then keeps the end of its traffic: up to 32 KiB each way, or
// the windows set here. All connections share the memory of compressing itself.
//
// A method that sends compresses the whole message before it returns. For 1 MiB that takes some 3 ms
// at level 1, and 8 ms at level 6. On an event loop the other connections wait meanwhile, so
// messages of many megabytes are for [conn.OnGoroutines].
//
// Some clients need special care:
//
//   - Some versions of Safari have failed on compressed connections. Handshake.Deflate lets Check
//     decline by User-Agent.
//   - Clients of libwebsockets 4.1 to 4.3 fail on a plain message on a compressed connection, however
//     short. Set a negative DeflateThreshold in Limits for them, and do not send messages with Uncompressed.
//   - Clients of Tornado and Mojolicious (tried: 6.2, 9.31) refer to earlier messages although the
//     server has answered client_no_context_takeover. RFC 7692 7.1.1.2 lets a server do that
//     unasked. Their second message closes the connection with 1007, and the log has
//     conn.ErrContextTakeover. They work with ClientTakeover.
//
// ClientTakeover is off by default, because browsers would use it too. It costs 512 bytes for each
// connection once its client has sent a compressed message of 400 bytes, and 32 KiB once it has sent
// as much. An idle connection takes 300 bytes without it. A Check can allow it to single clients, by
// User-Agent:
//
//	if h.Deflate != nil && strings.HasPrefix(h.Request.UserAgent(), "Tornado/") {
//		h.Deflate.ClientNoContextTakeover = false
//	}
//
// DeflateLevel and DeflateThreshold in Limits have more settings. The server does not start with
// settings for compression that is not Enabled.
type Deflate struct {
	// Enabled accepts clients' offers of the extension.
	Enabled bool
	// ServerTakeover and ClientTakeover let each message of the server's, or of the
	// client's, refer to earlier ones (7.1.1), unless the client asks otherwise. Clients of
	// Tornado and Mojolicious need ClientTakeover, or a Check that allows it to them.
	ServerTakeover bool
	ClientTakeover bool
	// ServerWindowBits and ClientWindowBits bound how far back a message may refer, as the base-2
	// logarithm of bytes, 8 to 15 (7.1.2). A client may ask for less. A client that does not offer
	// client_max_window_bits is asked for no takeover instead. 0: 15.
	ServerWindowBits int
	ClientWindowBits int
}

// negotiate is what to agree on with a client; nil for nothing.
func (o *Deflate) negotiate(req *handshake.Request) *deflate.Params {
	if !o.Enabled {
		return nil
	}
	if agreed, ok := deflate.Negotiate(req.Extensions, (*handshake.Deflate)(o).Wish()); ok {
		return &agreed
	}
	return nil
}
