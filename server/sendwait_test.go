package server

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"testing"
	"time"

	"github.com/framerail/framerail/conn"
	"github.com/framerail/framerail/frame"
)

// history sends much more than may be pending, to a client that has just come.
func history(c *conn.Conn, send func(*conn.Conn, []byte) error) (err error) {
	row := make([]byte, 8<<10)
	for i := range 2000 {
		copy(row, fmt.Sprintf("%08d", i))
		if err = send(c, row); err != nil {
			return err
		}
	}
	return nil
}

func sendWait(c *conn.Conn, b []byte) error {
	return c.SendWait(context.Background(), conn.Message{Type: conn.Binary, Payload: b})
}

// expectHistory reads it as fast as it can.
func (p *peer) expectHistory() {
	p.t.Helper()
	for i := range 2000 {
		h, payload := p.next()
		if h.Opcode != frame.Binary || payload[:8] != fmt.Sprintf("%08d", i) {
			p.t.Fatalf("got %v of %q in place of row %d", h.Opcode, payload[:min(len(payload), 100)], i)
		}
	}
}

// What is sent on connecting reaches a client that reads, however much it is.
func TestSendWait_HistoryOnConnect(t *testing.T) {
	done := make(chan error, 10)
	s := start(t, &Server{Dispatch: conn.OnGoroutines, OnConnection: func(c *conn.Conn) {
		done <- history(c, sendWait)
		_ = c.SendText("that was all")
	}})
	p := dial(t, s)
	p.expectHistory()
	p.expectText("that was all")
	if err := receive(t, done); err != nil {
		t.Error(err)
	}
}

// In a message's callback, in a Stream callback and on a goroutine of the program's it is
// the same, with both dispatches where both may wait, and over TLS.
func TestSendWait_HistoryOnRequest(t *testing.T) {
	for name, s := range map[string]*Server{
		"message":  {Dispatch: conn.OnGoroutines, OnMessage: func(c *conn.Conn, _ conn.Message) { _ = history(c, sendWait) }},
		"adaptive": {Dispatch: conn.Adaptive, OnMessage: func(c *conn.Conn, _ conn.Message) { _ = history(c, sendWait) }},
		"stream":   {OnStream: func(c *conn.Conn, _ *conn.Reader) { _ = history(c, sendWait) }},
		"goroutine": {OnMessage: func(c *conn.Conn, _ conn.Message) {
			go func() { _ = history(c, sendWait) }()
		}},
	} {
		t.Run(name, func(t *testing.T) {
			p := dial(t, start(t, s))
			p.text("go")
			p.expectHistory()
		})
	}
}

// Without waiting, the reason of the close says what is so.
func TestSend_ReasonOfAClientThatIsSentTooMuch(t *testing.T) {
	modes(t, func(t *testing.T, d conn.Dispatch) {
		done := make(chan error, 10)
		s := start(t, &Server{Dispatch: d, Limits: Limits{Limits: conn.Limits{MaxPending: 64 << 10}}, OnConnection: func(c *conn.Conn) {
			done <- history(c, (*conn.Conn).SendBinary)
		}})
		p := dial(t, s)
		if err := receive(t, done); !errors.Is(err, conn.ErrPendingFull) {
			t.Error(err)
		}
		for {
			h, payload := p.next()
			if h.Opcode == frame.Close {
				if code, reason, err := frame.ParseClose([]byte(payload)); code != frame.TryAgainLater || string(reason) != "too many bytes are pending" {
					t.Errorf("%v %q %v", code, reason, err)
				}
				return
			}
		}
	})
}

// loopLog is a log handler that sends what is logged to a client, and waits for that.
type loopLog struct {
	slog.Handler
	handle func()
}

func (l loopLog) Enabled(context.Context, slog.Level) bool { return true }

func (l loopLog) Handle(context.Context, slog.Record) error { l.handle(); return nil }

// Whatever of the program's runs on a loop must not wait there: callbacks, also for other
// connections and other servers' clients, Check, and what the log is given to.
func TestSendWait_FailsOnEveryLoop(t *testing.T) {
	parallel(t)
	others := make(chan *conn.Conn, 1)
	dial(t, start(t, &Server{OnConnection: func(c *conn.Conn) { others <- c }}))
	other := receive(t, others)
	errs := make(chan error, 100)
	try := func() { errs <- other.SendWait(context.Background(), conn.Message{Type: conn.Text}) }
	s := start(t, &Server{
		Logger: slog.New(loopLog{slog.DiscardHandler, try}), SlowCallback: -1, // a slow one is not logged on a loop
		Check: func(*Handshake) error { try(); return nil },
		OnConnection: func(c *conn.Conn) {
			try()
			errs <- c.SendWait(context.Background(), conn.Message{Type: conn.Text})
		},
		OnMessage: func(*conn.Conn, conn.Message) { try() },
		OnPing:    func(*conn.Conn, []byte) { try() },
		OnClose:   func(*conn.Conn, conn.CloseInfo) { try() },
	})
	p := dial(t, s)
	p.text("x")
	p.send(masked(frame.Ping, true, ""))
	p.send("\xff\xff") // is logged
	for range 7 {
		if err := receive(t, errs); err != conn.ErrOnLoop {
			t.Error(err)
		}
	}
}

// A client that reads nothing is waited for until it is cut, or the server ends; its close
// callback comes after the one that waits, as it does always.
func TestSendWait_EndsWithTheServer(t *testing.T) {
	done, closed := make(chan error, 1), make(chan error, 1)
	s := start(t, &Server{
		Dispatch:     conn.OnGoroutines,
		OnConnection: func(c *conn.Conn) { done <- history(c, sendWait) },
		OnClose:      func(*conn.Conn, conn.CloseInfo) { closed <- <-done },
	})
	dial(t, s)
	eventually(t, "bytes to be pending", func() bool { return s.Stats().Pending > 64<<10 })
	ctx, stop := context.WithCancel(context.Background())
	stop()
	_ = drain(s, ctx)
	if err := receive(t, closed); err != conn.ErrClosed {
		t.Error(err)
	}
}

// The program's own OnDrained comes while, and after, others wait.
func TestSendWait_OnDrainedIsTheProgramsOwn(t *testing.T) {
	drained, done := make(chan bool, 1000), make(chan error, 1)
	s := start(t, &Server{
		TCP:       TCP{SendBuffer: 64 << 10},
		OnDrained: func(*conn.Conn) { drained <- true },
		OnMessage: func(c *conn.Conn, _ conn.Message) {
			go func() { done <- history(c, sendWait) }()
		},
	})
	p := dial(t, s)
	p.text("go")
	eventually(t, "bytes to be pending", func() bool { return s.Stats().Pending > 64<<10 })
	p.expectHistory()
	receive(t, drained)
	if err := receive(t, done); err != nil {
		t.Error(err)
	}
}

func BenchmarkSendWait(b *testing.B) {
	for _, name := range []string{"Send", "SendWait"} {
		b.Run(name, func(b *testing.B) {
			conns := make(chan *conn.Conn, 1)
			s := start(b, &Server{Overflow: conn.OverflowRefuse, OnConnection: func(c *conn.Conn) { conns <- c }})
			p := dial(b, s)
			_ = p.SetDeadline(time.Time{})
			go func() { _, _ = io.Copy(io.Discard, p.r) }()
			c := receive(b, conns)
			payload := make([]byte, 200)
			b.ReportAllocs()
			for range b.N {
				if name == "SendWait" {
					_ = sendWait(c, payload)
				} else {
					_ = c.SendBinary(payload)
				}
			}
		})
	}
}
