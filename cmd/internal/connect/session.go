package connect

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"time"

	"github.com/framerail/framerail/client"
	"github.com/framerail/framerail/conn"
	"github.com/framerail/framerail/frame"
)

// Session is one connection and what is typed for it.
type Session struct {
	// Client dials. Run sets its callbacks.
	Client *client.Client
	URL    string
	// Lines returns the next line, without its end. Its error ends the session.
	Lines func() (string, error)
	// Binary sends lines as binary messages.
	Binary bool
	// Slash takes lines that begin with a slash as commands: see help.
	Slash bool
	// Linger is how long nothing may come, after the last line, until the connection is closed.
	Linger time.Duration
	// Show has what came and what happened.
	Show *Printer

	came   chan struct{} // something has come since it was last looked at
	closed chan conn.CloseInfo
}

// Run connects, sends the lines, and returns how the connection ended. The error is that there was
// none. When ctx is done Run closes the connection.
func (s *Session) Run(ctx context.Context) (conn.CloseInfo, error) {
	s.came, s.closed = make(chan struct{}, 1), make(chan conn.CloseInfo, 1)
	c := s.Client
	c.Dispatch = conn.OnGoroutines // showing may block
	c.OnMessage, c.OnPing, c.OnPong, c.OnClose = s.onMessage, s.onPing, s.onPong, s.onClose
	defer c.Close()
	u, err := url.Parse(s.URL)
	if err != nil {
		return conn.CloseInfo{}, err
	}
	request := (&http.Request{Method: http.MethodGet, URL: u}).WithContext(ctx)
	ws, err := c.DialRequest(request, func(ws *conn.Conn) { s.Show.event("%s", opened(u, ws)) })
	if err != nil {
		return conn.CloseInfo{}, err
	}
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	go s.send(ctx, ws)
	return <-s.closed, nil
}

// opened tells what the handshake has agreed on.
func opened(u *url.URL, ws *conn.Conn) string {
	text := "connected to " + u.Redacted()
	if name := ws.Subprotocol(); name != "" {
		text += ", subprotocol " + name
	}
	if p, ok := ws.Deflate(); ok {
		text += ", " + p.String()
	}
	return text
}

// send sends the lines. At their end it closes the connection once nothing has come for a while.
func (s *Session) send(ctx context.Context, ws *conn.Conn) {
	lines := make(chan string)
	go func() {
		defer close(lines)
		for {
			line, err := s.Lines()
			if err != nil {
				if !errors.Is(err, io.EOF) {
					s.Show.problem("no more lines: %v", err)
				}
				return
			}
			select {
			case lines <- line:
			case <-ctx.Done():
				return
			}
		}
	}()
	for {
		select {
		case line, more := <-lines:
			if !more {
				s.linger(ctx)
				_ = ws.Close(frame.NormalClosure, "") // it fails if it is closing already
				return
			}
			if err := s.take(ctx, ws, line); err != nil && !errors.Is(err, conn.ErrClosed) && ctx.Err() == nil {
				s.Show.problem("not sent: %v", err)
			}
		case <-ctx.Done():
			_ = ws.Close(frame.NormalClosure, "")
			return
		}
	}
}

// linger waits until nothing has come for a while.
func (s *Session) linger(ctx context.Context) {
	timer := time.NewTimer(s.Linger)
	defer timer.Stop()
	for {
		select {
		case <-s.came:
			timer.Reset(s.Linger)
		case <-timer.C:
			return
		case <-ctx.Done():
			return
		}
	}
}

// take sends a line, or does what it says.
func (s *Session) take(ctx context.Context, ws *conn.Conn, line string) error {
	if s.Slash && len(line) > 0 && line[0] == '/' {
		if len(line) < 2 || line[1] != '/' {
			return s.command(ctx, ws, line[1:])
		}
		line = line[1:]
	}
	t := conn.Text
	if s.Binary {
		t = conn.Binary
	}
	return ws.SendWait(ctx, conn.Message{Type: t, Payload: []byte(line)})
}

func (s *Session) heard() {
	select {
	case s.came <- struct{}{}:
	default:
	}
}

func (s *Session) onMessage(_ *conn.Conn, m conn.Message) {
	s.heard()
	s.Show.message(m)
}

func (s *Session) onPing(c *conn.Conn, payload []byte) {
	s.heard()
	s.Show.control("ping", payload)
	_ = c.Pong(payload) // it fails only if the connection closes
}

func (s *Session) onPong(_ *conn.Conn, payload []byte) {
	s.heard()
	s.Show.control("pong", payload)
}

func (s *Session) onClose(_ *conn.Conn, info conn.CloseInfo) {
	show := s.Show.problem
	if InOrder(info) {
		show = s.Show.event
	}
	show("%s", ended(info))
	s.closed <- info
}

// InOrder reports whether a connection was closed as it should be: with 1000, 1001 or no code.
func InOrder(info conn.CloseInfo) bool {
	switch info.Received {
	case frame.NormalClosure, frame.GoingAway, frame.NoStatusReceived:
		return info.Clean()
	}
	return false
}

// ended tells how a connection ended.
func ended(info conn.CloseInfo) string {
	switch {
	case info.By == conn.Peer && info.Received != 0:
		return fmt.Sprintf("closed by the server with %s", code(info.Received, info.Reason))
	case info.Clean():
		return fmt.Sprintf("closed, the server answered %s", code(info.Received, ""))
	case info.Err != nil:
		return fmt.Sprintf("the connection ended: %v", info.Err)
	}
	return "the connection ended: " + info.String()
}

// code is a close code, which a Close frame need not have.
func code(c frame.CloseCode, reason string) string {
	if c == frame.NoStatusReceived {
		return "no code"
	}
	text := fmt.Sprintf("%d", c)
	if reason != "" {
		text += " " + reason
	}
	return text
}
