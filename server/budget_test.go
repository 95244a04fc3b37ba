package server

import (
	"bytes"
	"context"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/framerail/framerail/conn"
	"github.com/framerail/framerail/frame"
	"github.com/framerail/framerail/internal/buffer"
	"github.com/framerail/framerail/internal/memory"
)

// begin sends the first fragment of a message, which the server must hold.
func (p *peer) begin(n int) {
	p.t.Helper()
	p.send(masked(frame.Binary, false, string(make([]byte, n))))
}

// held is how many bytes of buffers a server has lent.
func held(s *Server) int64 { return s.Stats().BufferBytes }

func TestBudget_HandshakesGet503At95Percent(t *testing.T) {
	s := start(t, &Server{Loops: 2, OnMessage: echo, Limits: Limits{MaxBuffers: 1 << 20, Limits: conn.Limits{MaxMessageSize: 4 << 20}}})
	// Buffers are powers of two: 512 KiB, 256, 128, 64 and 32 of 1024 make 96.9 %.
	var in []*peer
	sum := int64(0)
	for i := 19; i >= 15; i-- {
		p := dial(t, s)
		in = append(in, p)
		p.begin(1 << i)
		sum += 1 << i
		eventually(t, "its buffer", func() bool { return held(s) >= sum })
	}
	eventually(t, "the budget to be tight", s.run.budget.Tight)
	p := dialRaw(t, s)
	p.send(with("A: b"))
	resp, _ := p.expectRefusal(http.StatusServiceUnavailable)
	if resp.Header.Get("Retry-After") == "" {
		t.Error("no Retry-After")
	}
	st := s.Stats()
	if st.Refused[ReasonMemory] != 1 {
		t.Errorf("refused %v", st.Refused)
	}
	if st.Clients != 5 {
		t.Errorf("%d clients are left of 5", st.Clients)
	}
	in[0].Close()
	eventually(t, "room", func() bool { return !s.run.budget.Tight() })
	dial(t, s).alive()
}

func TestBudget_LargestHoldersAreClosedAt98Percent(t *testing.T) {
	modes(t, func(t *testing.T, d conn.Dispatch) {
		var log journal
		closed := make(chan conn.CloseInfo, 10)
		s := start(t, &Server{Loops: 1, Dispatch: d, Logger: log.logger(), OnMessage: echo, // of several, one may be late
			OnClose: func(_ *conn.Conn, info conn.CloseInfo) { closed <- info },
			Limits:  Limits{MaxBuffers: 1 << 20, Limits: conn.Limits{MaxMessageSize: 4 << 20}}})
		small := []*peer{dial(t, s), dial(t, s), dial(t, s)}
		large, last := dial(t, s), dial(t, s)
		for _, p := range small {
			p.begin(128 << 10)
		}
		eventually(t, "the small ones", func() bool { return held(s) >= 3*128<<10 })
		large.begin(512 << 10)
		eventually(t, "the large one", func() bool { return held(s) >= (3*128+512)<<10 })
		last.begin(256 << 10) // together 1,152 KiB
		h, payload := large.next()
		if code, _, _ := frame.ParseClose([]byte(payload)); h.Opcode != frame.Close || code != frame.TryAgainLater {
			t.Errorf("the large one gets opcode %v, code %v", h.Opcode, code)
		}
		eventually(t, "the budget not to be full", func() bool { return !s.run.budget.Full() })
		large.Close()
		if info := receive(t, closed); info.Err != conn.ErrShed || info.Sent != frame.TryAgainLater {
			t.Error(info)
		}
		for _, p := range append(small, last) {
			p.send(masked(frame.Continuation, true, ""))
			if h, payload := p.next(); h.Opcode != frame.Binary || len(payload) < 128<<10 {
				t.Errorf("another one gets opcode %v with %d bytes", h.Opcode, len(payload))
			}
		}
		log.expect(t, "buffers are short")
	})
}

// A peer that does not read what it is sent holds memory as well. In the middle of a
// long message it cannot be told.
func TestBudget_PendingIsShed(t *testing.T) {
	closed := make(chan conn.CloseInfo, 1)
	s := start(t, &Server{Loops: 1,
		OnMessage: func(c *conn.Conn, _ conn.Message) {
			for range 30 {
				_ = c.SendBinary(make([]byte, 1<<20))
			}
		},
		OnClose: func(_ *conn.Conn, info conn.CloseInfo) { closed <- info },
		Limits:  Limits{MaxBuffers: 4 << 20, Limits: conn.Limits{MaxPending: 64 << 20, WriteTimeout: -1}}})
	p := dial(t, s)
	_ = p.Conn.(*net.TCPConn).SetReadBuffer(4096)
	p.text("go")
	if info := receive(t, closed); info.Err != conn.ErrShed || info.Unsent == 0 {
		t.Error(info)
	}
	eventually(t, "all to be given back", func() bool { return held(s) == 0 })
	if n := s.Stats().Causes[CauseShed]; n != 1 {
		t.Errorf("%d counted", n)
	}
}

// Peers that do not read give their memory back at once, and those that read again are
// told: they find the frame that was half sent, and 1013 behind it.
func TestBudget_PeersThatReadAgainSeeThe1013(t *testing.T) {
	modes(t, func(t *testing.T, d conn.Dispatch) {
		const size, clients = 8 << 10, 8
		s := start(t, &Server{Loops: 2, Dispatch: d,
			OnMessage: func(c *conn.Conn, _ conn.Message) { pourInto(c, size) },
			Overflow:  conn.OverflowRefuse,
			TCP:       TCP{SendBuffer: 64 << 10}, // so that there is less to send, and to read
			Limits:    Limits{MaxBuffers: 4 << 20, Limits: conn.Limits{MaxPending: 3 << 20, CloseTimeout: time.Minute, WriteTimeout: -1}}})
		var peers []*peer
		for range clients {
			p := dial(t, s)
			_ = p.Conn.(*net.TCPConn).SetReadBuffer(64 << 10)
			peers = append(peers, p)
		}
		for _, p := range peers {
			p.text("go")
		}
		// Nobody reads: two of them hold more than there is, and some go.
		eventually(t, "the shedding", func() bool {
			shed := 0
			for c := range s.Clients() {
				if c.State() == conn.Closing {
					shed++
				}
			}
			return shed >= clients-2 && !s.run.budget.Full()
		})
		const want = clients / 2
		warned := 0
		for _, p := range peers {
			c, ok := s.Client(p.LocalAddr().(*net.TCPAddr).AddrPort())
			if ok && c.State() != conn.Closing {
				continue // it would be waited for in vain
			}
			if warned < want && p.readUntilShed(size) {
				warned++
			}
		}
		if warned < want {
			t.Errorf("%d of %d peers were told", warned, clients)
		}
	})
}

// Until enough is given back there is no more than the budget: a client in the middle of a
// message waits, and others are served.
func TestBudget_MessagesWaitWhileItIsUsedUp(t *testing.T) {
	const budget, size = 1 << 20, 512 << 10
	got := make(chan int, 1)
	log := newBusyLog()
	s := start(t, &Server{Loops: 1, Logger: log.logger(), OnMessage: func(c *conn.Conn, m conn.Message) {
		if len(m.Payload) < size {
			echo(c, m)
			return
		}
		got <- len(m.Payload)
	}, Limits: Limits{MaxBuffers: budget, Limits: conn.Limits{MaxMessageSize: size}}})
	waiting, other := dial(t, s), dial(t, s)
	defer log.keepBusy(t, s, dial(t, s))() // nobody is closed for it
	all := s.run.loops[0].Buffers().Get(budget)
	go waiting.text(strings.Repeat("x", size))
	eventually(t, "the message's beginning", func() bool { return held(s) > budget })
	for range 20 {
		other.alive()
	}
	if n := held(s); n > budget+64<<10+1<<10 { // the other's answer may just be given back
		t.Errorf("%d bytes are lent of %d", n, budget)
	}
	if len(got) > 0 {
		t.Errorf("a message of %d bytes found room", <-got)
	}
	all.Release()
	if n := receive(t, got); n != size {
		t.Errorf("%d bytes came", n)
	}
}

// A goroutine may take the last bytes just when the connections that held most have been closed. It
// finds shedding under way, and starts none. So the shedder looks once more.
func TestBudget_IsNotLeftFull(t *testing.T) {
	lent := make(chan *buffer.Buffer, 1)
	var s *Server
	log := hook{Handler: slog.DiscardHandler, once: new(sync.Once), message: "buffers are short", f: func() {
		lent <- s.run.loops[0].Buffers().Get(1 << 20)
	}}
	s = start(t, &Server{Loops: 1, OnMessage: echo, Logger: slog.New(log),
		Limits: Limits{MaxBuffers: 1 << 20, Limits: conn.Limits{MaxMessageSize: 4 << 20}}})
	small, large := dial(t, s), dial(t, s)
	small.begin(64 << 10)
	eventually(t, "the small one", func() bool { return held(s) >= 64<<10 })
	large.begin(1 << 20)
	defer func() { receive(t, lent).Release() }()
	for _, p := range []*peer{large, small} {
		h, payload := p.next()
		if code, _, _ := frame.ParseClose([]byte(payload)); h.Opcode != frame.Close || code != frame.TryAgainLater {
			t.Errorf("opcode %v, code %v", h.Opcode, code)
		}
	}
}

// What a program still holds after Shutdown keeps no goroutine looking for connections to close.
func TestBudget_NobodyShedsAfterShutdown(t *testing.T) {
	s := start(t, &Server{Loops: 1, OnMessage: echo, Limits: Limits{MaxBuffers: 1 << 20}})
	shedding := func() bool { return bytes.Contains(stacks(), []byte("memory.(*Budget).shed(")) }
	held := s.run.loops[0].Buffers().Get(1 << 20)
	defer held.Release()
	eventually(t, "a look for connections to close", shedding)
	if err := drain(s, context.Background()); err != nil {
		t.Fatal(err)
	}
	eventually(t, "its end", func() bool { return !shedding() })
}

// hook is a log that calls f at the first line that has the message in it.
type hook struct {
	slog.Handler
	once    *sync.Once
	message string
	f       func()
}

func (h hook) Enabled(context.Context, slog.Level) bool { return true }

func (h hook) Handle(_ context.Context, r slog.Record) error {
	if strings.Contains(r.Message, h.message) {
		h.once.Do(h.f)
	}
	return nil
}

// busyLog keeps the goroutine that closes connections for their memory from going on.
type busyLog struct{ busy, release chan struct{} }

func newBusyLog() busyLog { return busyLog{make(chan struct{}), make(chan struct{})} }

func (l busyLog) logger() *slog.Logger {
	return slog.New(hook{Handler: slog.DiscardHandler, once: new(sync.Once), message: "connections that hold most were closed", f: func() {
		close(l.busy)
		<-l.release
	}})
}

// keepBusy has that goroutine close one client, and log it until release is called. No other client
// is closed meanwhile.
func (l busyLog) keepBusy(t *testing.T, s *Server, victim *peer) (release func()) {
	t.Helper()
	eventually(t, "all answers to be sent", func() bool { return held(s) == 0 })
	victim.begin(16 << 10)
	eventually(t, "a message's beginning", func() bool { return held(s) >= 16<<10 })
	all := s.run.loops[0].Buffers().Get(int(s.run.budget.Limit()))
	if h, payload := victim.next(); h.Opcode != frame.Close {
		t.Fatalf("%v %q in place of a Close frame", h.Opcode, payload)
	}
	all.Release()
	receive(t, l.busy)
	victim.Close()
	eventually(t, "the end of that client", func() bool { return held(s) == 0 })
	return func() { close(l.release) }
}

// pourInto sends messages of that size for as long as they are taken.
func pourInto(c *conn.Conn, size int) {
	for m := make([]byte, size); c.SendBinary(m) == nil; {
	}
}

// readUntilShed reads whole messages of that size until 1013 comes, and tells whether
// it did before there was nothing more to read.
func (p *peer) readUntilShed(size int) bool {
	p.t.Helper()
	_ = p.SetDeadline(time.Now().Add(patience))
	for {
		h, payload, err := p.read()
		switch {
		case err != nil:
			return false
		case h.Opcode == frame.Close:
			code, _, _ := frame.ParseClose([]byte(payload))
			return code == frame.TryAgainLater
		case len(payload) != size:
			p.t.Fatalf("a message of %d bytes", len(payload))
		}
	}
}

func TestBudget_Default(t *testing.T) {
	s := start(t, &Server{OnMessage: echo})
	dial(t, s).alive()
	if s.run.budget.Limit() < memory.MinDefault || s.run.budget.Tight() {
		t.Errorf("default budget %d, tight %v", s.run.budget.Limit(), s.run.budget.Tight())
	}
	if none := start(t, &Server{Limits: Limits{MaxBuffers: -1}}); none.run.budget.Limit() != 0 || none.run.budget.Tight() {
		t.Error("a negative budget is one")
	}
}
