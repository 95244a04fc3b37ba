package main

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"strings"

	"github.com/framerail/framerail/conn"
	"github.com/framerail/framerail/frame"
	"github.com/framerail/framerail/frame/deflate"
	"github.com/framerail/framerail/server"
)

// maxEcho bounds --max-message: four times as much may be pending, which has to
// fit an int of 32 bits.
const maxEcho = 256 << 20

// echoCommand is "framerail echo".
type echoCommand struct {
	Addr        []place  `default:"127.0.0.1:9001" sep:"none" placeholder:"PLACE" help:"Where to listen, once or more: HOST:PORT, with port 0 for a free one; unix:PATH; or systemd, for the sockets of its socket activation. Default: ${default}."`
	MaxMessage  byteSize `default:"16MiB" placeholder:"BYTES" help:"Longest message, such as 65536, 64KiB or 16MiB; a longer one is refused with close code 1009. Default: ${default}."`
	Goroutines  bool     `help:"Run callbacks on goroutines instead of on the event loops."`
	Stream      bool     `help:"Send a message back while it is still arriving, one fragment per read."`
	Deflate     string   `enum:"off,alone,takeover" default:"off" placeholder:"HOW" help:"Compress messages with clients that offer it: off, alone, or takeover, which lets them refer to earlier ones. Default: ${default}."`
	WindowBits  int      `default:"15" placeholder:"N" help:"Window of --deflate both ways, 8 to 15, unless a client asks for less. Default: ${default}."`
	Subprotocol []string `placeholder:"NAME" help:"Subprotocols to agree on, the best first. Default: the first that the client offers, whatever that is."`
	tlsFlags
	serveFlags
}

// Help is shown below the usage line of "framerail echo --help".
func (*echoCommand) Help() string {
	return "Text comes back as text and binary as binary. Any path is served, to pages of any origin."
}

// Validate is called once the flags are parsed.
func (c *echoCommand) Validate() error {
	if err := c.serveFlags.Validate(); err != nil { // its own would be hidden by this one
		return err
	}
	if err := c.tlsFlags.Validate(); err != nil {
		return err
	}
	if c.WindowBits < 8 || c.WindowBits > deflate.MaxWindowBits {
		return fmt.Errorf("--window-bits must be from %d to %d", 8, deflate.MaxWindowBits)
	}
	if c.WindowBits != deflate.MaxWindowBits && c.Deflate == "off" {
		return errors.New("--window-bits is for --deflate, which is off")
	}
	return c.MaxMessage.within("--max-message", 1, maxEcho)
}

// deflate is the server's part in compression. Short messages are compressed too, as
// those are most of what conformance suites send.
func (c *echoCommand) deflate() server.Deflate {
	if c.Deflate == "off" {
		return server.Deflate{}
	}
	takeover := c.Deflate == "takeover"
	d := server.Deflate{Enabled: true, ServerTakeover: takeover, ClientTakeover: takeover}
	if c.WindowBits != deflate.MaxWindowBits { // the parameter is named only if it says something
		d.ServerWindowBits, d.ClientWindowBits = c.WindowBits, c.WindowBits
	}
	return d
}

// Run serves until a signal comes.
func (c *echoCommand) Run(log *slog.Logger) error {
	srv := &server.Server{
		OriginPatterns: []string{"*"},
		Overflow:       conn.OverflowClose, // an echo that is missing would look like a fault
		Deflate:        c.deflate(),
		Logger:         log,
		Limits: server.Limits{
			Limits: conn.Limits{
				MaxMessageSize: int64(c.MaxMessage),
				// Above three eighths of what may be pending, a peer is not read from. The
				// rest holds the echoes of what had been read by then.
				MaxPending: max(4*int(c.MaxMessage), 1<<20),
				// Load generators want to know what it can do.
				CompressionPerSecond: -1,
			},
		},
	}
	if srv.Deflate.Enabled {
		srv.DeflateThreshold = -1 // every message
	}
	if srv.Subprotocols = c.Subprotocol; len(c.Subprotocol) == 0 {
		srv.Check = agreeOnFirst
	}
	if c.Goroutines {
		srv.Dispatch = conn.OnGoroutines
	}
	if c.Stream {
		srv.OnStream = echoStream
	} else {
		srv.OnMessage = echo
	}
	if !c.enabled() {
		return c.serve(srv, c.Addr, srv.Serve, "echo", "ws", log)
	}
	var err error
	if srv.TLSConfig, err = c.config(); err != nil {
		return err
	}
	return c.serve(srv, c.Addr, func(ln net.Listener) error { return srv.ServeTLS(ln, "", "") }, "echo", "wss", log)
}

// agreeOnFirst agrees on the first subprotocol that the client offers. A client that gets none
// of those it has offered gives up, as the RFC has it do (RFC 6455 4.1).
func agreeOnFirst(h *server.Handshake) error {
	for _, line := range h.Request.Header.Values("Sec-WebSocket-Protocol") {
		for name := range strings.SplitSeq(line, ",") {
			if name = strings.Trim(name, " \t"); name != "" {
				h.Subprotocol = name
				return nil
			}
		}
	}
	return nil
}

func echo(c *conn.Conn, m conn.Message) {
	_ = c.SendMessage(m) // it fails only if the connection closes
}

func echoStream(c *conn.Conn, r *conn.Reader) {
	w, err := c.NewWriter(r.Type())
	if err == nil {
		_, err = io.Copy(w, r)
	}
	if err == nil {
		err = w.Close()
	}
	if err != nil {
		c.Close(frame.TryAgainLater, "the echo could not be sent")
	}
}
