package server

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/framerail/framerail/conn"
	"github.com/framerail/framerail/frame"
	"github.com/framerail/framerail/internal/test/tlsrecords"
)

// What a client does not read is bounded, records that wait included, and arrives whole
// once it reads.
func TestTLS_SlowReaderIsBounded(t *testing.T) {
	opened, drained := make(chan *conn.Conn, 1), make(chan struct{}, 1000)
	const bound = 256 << 10
	s := startTLS(t, &Server{
		Limits: Limits{Limits: conn.Limits{MaxPending: bound}}, Overflow: conn.OverflowRefuse,
		OnConnection: func(c *conn.Conn) { opened <- c },
		OnDrained:    func(*conn.Conn) { drained <- struct{}{} },
	})
	p := dialTLS(t, s)
	c := receive(t, opened)
	payload := strings.Repeat("x", 10_000)
	sent := 0
	for pending := 0; pending < bound/2; { // or the socket has taken more meanwhile
		err := c.SendText(payload)
		switch {
		case errors.Is(err, conn.ErrPendingFull):
			time.Sleep(time.Millisecond) // the loop is to find the socket full
			if pending = c.Pending(); pending > bound+64 {
				t.Errorf("%d bytes pending, bound %d", pending, bound)
			}
		case err != nil:
			t.Fatal(err)
		default:
			sent++
		}
	}
	for range sent {
		p.expectText(payload)
	}
	receive(t, drained)
	eventually(t, "nothing to be pending", func() bool { return c.Pending() == 0 })
	if err := c.SendText("again"); err != nil {
		t.Fatal(err)
	}
	p.expectText("again")
	eventually(t, "nothing to be counted as pending", func() bool { return s.Stats().Pending == 0 })
}

func TestTLS_StalledReaderIsCut(t *testing.T) {
	parallel(t)
	infos := make(chan conn.CloseInfo, 1)
	s := startTLS(t, &Server{
		Limits:       Limits{Limits: conn.Limits{WriteTimeout: 300 * time.Millisecond, MaxPending: 32 << 20}},
		OnConnection: func(c *conn.Conn) { _ = c.SendBinary(make([]byte, 16<<20)) },
		OnClose:      func(_ *conn.Conn, info conn.CloseInfo) { infos <- info },
	})
	dialTLS(t, s)
	if info := receive(t, infos); info.Err != conn.ErrWriteStalled || info.Unsent == 0 {
		t.Errorf("ended with %+v", info)
	}
}

// A large message goes past the queue; what is left of it waits as records and as frames.
func TestTLS_LargeMessagesArriveWhole(t *testing.T) {
	s := startTLS(t, &Server{OnMessage: echo, Limits: Limits{Limits: conn.Limits{MaxMessageSize: 8 << 20, MaxPending: 16 << 20}}})
	p := dialTLS(t, s)
	for _, n := range []int{64 << 10, 1 << 20, 8 << 20} {
		text := strings.Repeat("0123456789abcdef", n/16)
		go p.text(text)
		p.expectText(text)
	}
}

// What crypto/tls has to say while the socket is full is said later, and is not lost.
func TestTLS_KeyUpdateWhileTheSocketIsFull(t *testing.T) {
	opened := make(chan *conn.Conn, 1)
	s := startTLS(t, &Server{
		OnMessage: echo, Limits: Limits{Limits: conn.Limits{MaxPending: 32 << 20}},
		OnConnection: func(c *conn.Conn) { opened <- c },
	})
	c := dialSealer(t, s)
	c.open()
	server := receive(t, opened)
	payload := strings.Repeat("x", 4<<20)
	if err := server.SendText(payload); err != nil {
		t.Fatal(err)
	}
	if server.Pending() == 0 {
		t.Skip("the socket takes 4 MiB")
	}
	for range 5 {
		if err := c.write(c.KeyUpdate(true), c.Seal(tlsrecords.Data, masked(frame.Text, true, "hello"))); err != nil {
			t.Fatal(err)
		}
	}
	time.Sleep(20 * time.Millisecond)
	c.expectText(payload)
	for range 5 {
		c.expectText("hello")
	}
}

// The socket is full of frames when the connection fails: the Close frame and
// close_notify come behind them.
func TestTLS_FaultBehindWhatIsPending(t *testing.T) {
	s := startTLS(t, &Server{
		Limits:       Limits{Limits: conn.Limits{MaxPending: 32 << 20, CloseTimeout: 20 * time.Second}},
		OnConnection: func(c *conn.Conn) { _ = c.SendText(strings.Repeat("x", 8<<20)) },
	})
	p := dialTLS(t, s)
	p.send("\x83\x80\x00\x00\x00\x00") // RFC 6455 5.2: opcode 3 is reserved
	time.Sleep(20 * time.Millisecond)
	p.expectText(strings.Repeat("x", 8<<20))
	p.expectClose(frame.ProtocolError)
	p.expectEOF()
}
