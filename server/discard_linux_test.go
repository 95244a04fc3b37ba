package server

import (
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/framerail/framerail/conn"
	"github.com/framerail/framerail/frame"
)

// lingering tells whether the system still has the server's end of a peer's connection,
// closed by the server and with bytes to send.
func (p *peer) lingering() bool {
	p.t.Helper()
	text, err := os.ReadFile("/proc/net/tcp")
	if err != nil {
		p.t.Skip(err)
	}
	hex := func(a net.Addr) string {
		ip := a.(*net.TCPAddr).IP.To4()
		return fmt.Sprintf("%02X%02X%02X%02X:%04X", ip[3], ip[2], ip[1], ip[0], a.(*net.TCPAddr).Port)
	}
	const finWait1, lastAck, closing = "04", "09", "0B"
	for line := range strings.Lines(string(text)) {
		f := strings.Fields(line)
		if len(f) > 3 && f[1] == hex(p.RemoteAddr()) && f[2] == hex(p.LocalAddr()) {
			return f[3] == finWait1 || f[3] == lastAck || f[3] == closing
		}
	}
	return false
}

// deaf is a peer that was sent more than it takes, and does not read.
func deaf(t *testing.T, s *Server) *peer {
	p := dial(t, s)
	_ = p.Conn.(*net.TCPConn).SetReadBuffer(4 << 10)
	p.text("go")
	return p
}

// fill sends until 64 KiB are pending that the system does not take, or the connection takes no more.
func fill(t *testing.T, s *Server, c *conn.Conn) {
	t.Helper()
	before, stood := 0, 0
	eventually(t, "the system to be full", func() bool {
		for range 3 { // turns, in which they would be sent
			do(t, s.run.loops[0], func() {})
		}
		pending := c.Pending()
		if pending < 64<<10 || pending != before {
			before, stood = pending, 0
			return pending < 64<<10 && c.SendBinary(make([]byte, 16<<10)) != nil
		}
		stood++
		return stood == 10
	})
}

// What a peer does not read does not outlive its connection for long, however that ends.
func TestCut_NothingIsLeftWithTheSystem(t *testing.T) {
	parallel(t)
	closed := make(chan conn.CloseInfo, 1)
	closing := Limits{Limits: conn.Limits{CloseTimeout: 300 * time.Millisecond, MaxPending: 128 << 10}}
	stalled := Limits{Limits: conn.Limits{WriteTimeout: 300 * time.Millisecond, MaxPending: 128 << 10}}
	for _, tt := range []struct {
		name  string
		tls   bool
		limit Limits
		last  func(c *conn.Conn, p *peer) // what ends it
		want  error

		sent, buffer int // messages, 0: as many as the system takes and some more; and the size of its buffer
	}{
		{name: "close_timeout", limit: closing, last: func(c *conn.Conn, _ *peer) { _ = c.Close(frame.GoingAway, "") }, want: conn.ErrCloseTimeout},
		{name: "close_timeout_tls", tls: true, limit: closing, last: func(c *conn.Conn, _ *peer) { _ = c.Close(frame.GoingAway, "") }, want: conn.ErrCloseTimeout},
		{name: "not_read", limit: Limits{Limits: conn.Limits{CloseTimeout: 300 * time.Millisecond, MaxPending: 32 << 10}}, want: conn.ErrPendingFull},
		{name: "stalled", limit: stalled, want: conn.ErrWriteStalled},
		{name: "peer_closes", sent: 8, buffer: 512 << 10, limit: closing, last: func(_ *conn.Conn, p *peer) { p.close(frame.NormalClosure, "") }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			opened := make(chan *conn.Conn, 1)
			if tt.sent == 0 {
				tt.buffer = 128 << 10
			}
			s := &Server{Loops: 1, Limits: tt.limit, TCP: TCP{SendBuffer: tt.buffer},
				OnMessage: func(c *conn.Conn, _ conn.Message) {
					for range tt.sent {
						if c.SendBinary(make([]byte, 16<<10)) != nil {
							break
						}
					}
					opened <- c
				},
				OnClose: func(_ *conn.Conn, info conn.CloseInfo) { closed <- info }}
			var p *peer
			if tt.tls {
				p = dialTLS(t, startTLS(t, s))
				p.text("go")
			} else {
				p = deaf(t, start(t, s))
			}
			c := receive(t, opened)
			if tt.sent == 0 {
				fill(t, s, c)
			}
			if tt.last != nil {
				tt.last(c, p)
			}
			info := receive(t, closed)
			if tt.want != nil && !errors.Is(info.Err, tt.want) {
				t.Errorf("it ended with %v, want %v", info.Err, tt.want)
			}
			eventually(t, "the system to give up what was not read", func() bool { return !p.lingering() })
			if tt.want != nil {
				if _, err := io.Copy(io.Discard, p.r); !errors.Is(err, syscall.ECONNRESET) {
					t.Errorf("reading ends with %v", err)
				}
			}
		})
	}
}

// But a Close frame has its time: a peer that reads before that is over finds everything.
func TestCut_CloseFrameHasItsTime(t *testing.T) {
	parallel(t)
	const size, messages = 16 << 10, 5
	s := start(t, &Server{Loops: 1, TCP: TCP{SendBuffer: 16 << 10},
		Limits: Limits{Limits: conn.Limits{CloseTimeout: 20 * time.Second}},
		OnMessage: func(c *conn.Conn, _ conn.Message) {
			for range messages {
				_ = c.SendBinary(make([]byte, size))
			}
			_ = c.Close(frame.GoingAway, "")
		}})
	for _, closes := range []bool{false, true} {
		p := deaf(t, s)
		if closes { // what is left then has its time with the system
			p.close(frame.NormalClosure, "")
		}
		time.Sleep(500 * time.Millisecond)
		for range messages {
			if h, _ := p.next(); h.PayloadLen != size {
				t.Fatalf("%v of %d bytes", h.Opcode, h.PayloadLen)
			}
		}
		p.expectClose(frame.GoingAway)
	}
}
