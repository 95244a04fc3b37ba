package interop

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"testing"

	"github.com/framerail/framerail/bench/internal/wire"
	"github.com/framerail/framerail/conn"
	"github.com/framerail/framerail/frame"
	"github.com/framerail/framerail/server"
)

// maxMessage is the largest message that the tests send, and exactly what the
// servers allow.
const maxMessage = 16 << 20

// mode is one way in which a program can take its messages.
type mode struct {
	name string
	// take sets s up so that each message goes to whole, or to stream.
	take func(s *server.Server, whole func(*conn.Conn, conn.Message), stream func(*conn.Conn, *conn.Reader))
}

var modes = []mode{
	{"loop", func(s *server.Server, whole func(*conn.Conn, conn.Message), _ func(*conn.Conn, *conn.Reader)) {
		s.OnMessage = whole
		s.MaxPending = 2 * maxMessage
	}},
	{"goroutines", func(s *server.Server, whole func(*conn.Conn, conn.Message), _ func(*conn.Conn, *conn.Reader)) {
		s.OnMessage = whole
		s.Dispatch = conn.OnGoroutines
		s.MaxPending = 2 * maxMessage
	}},
	{"adaptive", func(s *server.Server, whole func(*conn.Conn, conn.Message), _ func(*conn.Conn, *conn.Reader)) {
		s.OnMessage = whole
		s.Dispatch = conn.Adaptive
		s.MaxPending = 2 * maxMessage
	}},
	// The bound on pending bytes stays at its default: a stream is forwarded in
	// less memory than its largest message needs.
	{"stream", func(s *server.Server, _ func(*conn.Conn, conn.Message), stream func(*conn.Conn, *conn.Reader)) {
		s.OnStream = stream
	}},
}

// each runs a test over every mode.
func each(t *testing.T, f func(t *testing.T, m mode)) {
	for _, m := range modes {
		t.Run(m.name, func(t *testing.T) { f(t, m) })
	}
}

// running is a server that ends with the test.
type running struct {
	scheme string
	addr   string
	closes chan conn.CloseInfo // one for each connection that has ended
	stats  func() server.Stats
}

func (r *running) url() string { return r.scheme + "://" + r.addr + "/" }

// start runs a server; options change it before it starts.
func start(t *testing.T, m mode, whole func(*conn.Conn, conn.Message), stream func(*conn.Conn, *conn.Reader), options []func(*server.Server)) *running {
	t.Helper()
	r := &running{closes: make(chan conn.CloseInfo, 10_000)}
	s := &server.Server{
		Addr:    "127.0.0.1:0",
		Logger:  slog.New(slog.DiscardHandler), // most clients here fail on purpose
		Limits:  server.Limits{Limits: conn.Limits{MaxMessageSize: maxMessage}, HandshakeTimeout: patience},
		OnPong:  reportPong,
		OnClose: func(_ *conn.Conn, info conn.CloseInfo) { r.closes <- info },
	}
	m.take(s, whole, stream)
	for _, option := range options {
		option(s)
	}
	var err error
	if r.scheme, err = startServer(s); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
	})
	r.addr, r.stats = s.ListenAddr().String(), s.Stats
	return r
}

// startEcho runs a server that echoes.
func startEcho(t *testing.T, m mode, options ...func(*server.Server)) *running {
	t.Helper()
	return start(t, m,
		func(c *conn.Conn, message conn.Message) {
			if err := c.Send(message.Type, message.Payload); err != nil && !errors.Is(err, conn.ErrClosed) {
				t.Errorf("Send of %d bytes: %v", len(message.Payload), err)
			}
		},
		func(c *conn.Conn, r *conn.Reader) {
			w, err := c.NewWriter(r.Type())
			if errors.Is(err, conn.ErrClosed) {
				return // the client left in the middle of its message
			}
			if err != nil {
				t.Errorf("NewWriter: %v", err)
				return
			}
			// A message that does not end, as in the tests that break off, is not
			// ended here either: that would pass off its beginning as the whole.
			if _, err := io.Copy(w, r); err == nil {
				_ = w.Close()
			}
		}, options)
}

// startCommands runs a server that does what text messages ask it to.
func startCommands(t *testing.T, m mode, options ...func(*server.Server)) *running {
	t.Helper()
	return start(t, m,
		func(c *conn.Conn, message conn.Message) {
			if err := apply(c, message.String()); err != nil {
				t.Errorf("%q: %v", message.Payload, err)
			}
		},
		func(c *conn.Conn, r *conn.Reader) {
			read, err := r.ReadAll()
			command := string(read)
			if err == nil {
				err = apply(c, command)
			}
			if err != nil {
				t.Errorf("%q: %v", command, err)
			}
		}, options)
}

// apply carries out one command.
func apply(c *conn.Conn, command string) error {
	name, rest, _ := strings.Cut(command, " ")
	switch name {
	case "close": // code reason
		var code frame.CloseCode
		if _, err := fmt.Sscan(rest, &code); err != nil {
			return err
		}
		_, reason, _ := strings.Cut(rest, " ")
		return c.Close(code, reason)
	case "ping": // payload
		return c.Ping([]byte(rest))
	case "fragments": // count size
		var count, size int
		if _, err := fmt.Sscan(rest, &count, &size); err != nil {
			return err
		}
		return sendFragments(c, count, size)
	}
	return fmt.Errorf("no such command")
}

// sendFragments sends one text message of count fragments with a ping between
// them, and a last fragment that is empty.
func sendFragments(c *conn.Conn, count, size int) error {
	w, err := c.NewWriter(conn.Text)
	if err != nil {
		return err
	}
	payload := wire.Payload(count*size, 0)
	for i := range count {
		if _, err := w.Write(payload[i*size : (i+1)*size]); err != nil {
			return err
		}
		if err := w.Flush(); err != nil {
			return err
		}
		if err := c.Ping([]byte("between")); err != nil {
			return err
		}
	}
	return w.Close()
}

// reportPong tells the client which pong has come from it.
func reportPong(c *conn.Conn, payload []byte) {
	if string(payload) != "between" {
		_ = c.SendText("pong " + string(payload))
	}
}
