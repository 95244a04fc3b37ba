package server

import (
	"bufio"
	"crypto/tls"
	"net"
	"sync/atomic"
	"testing"
	"time"

	"github.com/framerail/framerail/conn"
	"github.com/framerail/framerail/frame"
)

// batch keeps what is written, once it is to.
type batch struct {
	net.Conn
	keep bool
	kept []byte
}

func (b *batch) Write(p []byte) (int, error) {
	if !b.keep {
		return b.Conn.Write(p)
	}
	b.kept = append(b.kept, p...)
	return len(p), nil
}

// SetWriteDeadline does nothing: crypto/tls lets none be written behind close_notify.
func (b *batch) SetWriteDeadline(time.Time) error { return nil }

// A client may send all that it has to say and close_notify at once. What of it must wait
// for callbacks is served, and meanwhile so are others of the same loop.
func TestTLS_GoodbyeBehindMessagesThatMustWait(t *testing.T) {
	const messages = 9
	gate, closed := make(chan bool), make(chan conn.CloseInfo, 10)
	var got atomic.Int64
	s := startTLS(t, &Server{Loops: 1, Dispatch: conn.OnGoroutines, Limits: Limits{Limits: conn.Limits{QueueMessages: 2}},
		OnMessage: func(c *conn.Conn, m conn.Message) {
			if m.String() == "slow" {
				<-gate
				got.Add(1)
			}
			echo(c, m)
		},
		OnClose: func(_ *conn.Conn, info conn.CloseInfo) { closed <- info },
	})
	p := dialRaw(t, s)
	wire := &batch{Conn: p.Conn}
	over := tls.Client(wire, trusting())
	p.Conn, p.r = over, bufio.NewReader(over)
	p.handshake()
	wire.keep = true
	for range messages {
		p.send(masked(frame.Text, true, "slow"))
	}
	p.close(1000, "")
	if err := over.CloseWrite(); err != nil {
		t.Fatal(err)
	}
	if _, err := wire.Conn.Write(wire.kept); err != nil {
		t.Fatal(err)
	}
	for range messages / 2 {
		gate <- true
		dialTLS(t, s).alive()
	}
	close(gate)
	if info := receive(t, closed); !info.Clean() || got.Load() != messages {
		t.Errorf("%d of %d messages, then %v", got.Load(), messages, info)
	}
}
