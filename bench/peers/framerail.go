package peers

import (
	"errors"
	"net"

	"github.com/framerail/framerail/conn"
	"github.com/framerail/framerail/server"
)

// framerail is a server with the limits that the others have here. The bound on
// pending bytes follows that on messages, or the largest echoes would not fit.
type framerail struct{ server.Server }

// newFramerail runs callbacks on the loop, the default.
func newFramerail() Server { return framerailWith(conn.OnLoop, server.Deflate{}) }

// newFramerailGoroutines runs them on goroutines, where they may block, as
// those of all the other servers here may.
func newFramerailGoroutines() Server { return framerailWith(conn.OnGoroutines, server.Deflate{}) }

// newFramerailTakeover compresses with context takeover both ways, in windows of so many
// bits.
func newFramerailTakeover(windowBits int) func() Server {
	return func() Server {
		return framerailWith(conn.OnLoop, server.Deflate{
			Enabled: true, ServerTakeover: true, ClientTakeover: true, ServerWindowBits: windowBits, ClientWindowBits: windowBits,
		})
	}
}

// newFramerailAlone compresses each message alone, the default of those that compress.
func newFramerailAlone() Server { return framerailWith(conn.OnLoop, server.Deflate{Enabled: true}) }

func framerailWith(dispatch conn.Dispatch, deflate server.Deflate) *framerail {
	return &framerail{server.Server{
		OnMessage: framerailEcho,
		Dispatch:  dispatch,
		Deflate:   deflate,
		Limits:    server.Limits{Limits: conn.Limits{MaxMessageSize: MaxMessage, MaxPending: MaxMessage + 1<<10}},
	}}
}

func framerailEcho(c *conn.Conn, m conn.Message) {
	// A send fails only when the peer is closing; the close callback would tell.
	_ = c.SendMessage(m)
}

// Unwatched turns off the watchdog over callbacks. Its lines in the log cost allocations,
// and on a busy machine a large message takes long enough for one.
func (s *framerail) Unwatched() { s.SlowCallback = -1 }

func (s *framerail) Serve(ln net.Listener) error {
	err := s.Server.Serve(ln)
	if errors.Is(err, server.ErrServerClosed) {
		return nil
	}
	return err
}
