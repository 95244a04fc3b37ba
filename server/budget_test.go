package server

import (
	"net"
	"net/http"
	"os"
	"path/filepath"
	"runtime/debug"
	"testing"
	"time"

	"github.com/framerail/framerail/conn"
	"github.com/framerail/framerail/frame"
)

// begin sends the first fragment of a message, which the server must hold.
func (p *peer) begin(n int) {
	p.t.Helper()
	p.send(masked(frame.Binary, false, string(make([]byte, n))))
}

// held is how many bytes of buffers a server has lent.
func held(s *Server) int64 { return s.Stats().BufferBytes }

func TestBudget_HandshakesGet503At95Percent(t *testing.T) {
	s := start(t, &Server{Loops: 2, OnMessage: echo, Limits: Limits{MaxBuffers: 1 << 20, MaxMessageSize: 4 << 20}})
	// Buffers are powers of two: 512 KiB, 256, 128, 64 and 32 of 1024 make 96.9 %.
	var in []*peer
	for i := 19; i >= 15; i-- {
		p := dial(t, s)
		in = append(in, p)
		p.begin(1 << i)
	}
	eventually(t, "the budget to be tight", s.run.budget.tight)
	p := dialRaw(t, s)
	p.send(with("A: b"))
	resp, _ := p.expectRefusal(http.StatusServiceUnavailable)
	if resp.Header.Get("Retry-After") == "" {
		t.Error("no Retry-After")
	}
	st := s.Stats()
	if st.Refused[NoMemory] != 1 {
		t.Errorf("refused %v", st.Refused)
	}
	if st.Clients != 5 {
		t.Errorf("%d clients are left of 5", st.Clients)
	}
	in[0].Close()
	eventually(t, "room", func() bool { return !s.run.budget.tight() })
	dial(t, s).alive()
}

func TestBudget_LargestHoldersAreClosedAt98Percent(t *testing.T) {
	modes(t, func(t *testing.T, d conn.Dispatch) {
		var log journal
		closed := make(chan conn.CloseInfo, 10)
		s := start(t, &Server{Loops: 2, Dispatch: d, Logger: log.logger(), OnMessage: echo,
			OnClose: func(_ *conn.Conn, info conn.CloseInfo) { closed <- info },
			Limits:  Limits{MaxBuffers: 1 << 20, MaxMessageSize: 4 << 20}})
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
		eventually(t, "the budget not to be full", func() bool { return !s.run.budget.full() })
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
		Limits:  Limits{MaxBuffers: 4 << 20, MaxPending: 64 << 20, WriteTimeout: -1}})
	p := dial(t, s)
	_ = p.Conn.(*net.TCPConn).SetReadBuffer(4096)
	p.text("go")
	if info := receive(t, closed); info.Err != conn.ErrShed || info.Unsent == 0 {
		t.Error(info)
	}
	eventually(t, "all to be given back", func() bool { return held(s) == 0 })
	if n := causes(s.Stats(), conn.Shed); n != 1 {
		t.Errorf("%d counted", n)
	}
}

// Peers that do not read give their memory back at once, and those that read again are
// told: they find the frame that was half sent, and 1013 behind it.
func TestBudget_PeersThatReadAgainSeeThe1013(t *testing.T) {
	modes(t, func(t *testing.T, d conn.Dispatch) {
		const size, clients = 8 << 10, 8
		s := start(t, &Server{Loops: 2, Dispatch: d,
			OnMessage: func(c *conn.Conn, _ conn.Message) {
				for c.SendBinary(make([]byte, size)) == nil {
				}
			},
			Overflow: conn.OverflowRefuse,
			Limits:   Limits{MaxBuffers: 16 << 20, MaxPending: 12 << 20, CloseTimeout: time.Minute, WriteTimeout: -1}})
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
			return shed >= clients-2 && !s.run.budget.full()
		})
		const want = clients / 2
		told := 0
		for _, p := range peers {
			if told < want && p.readUntilShed(size) {
				told++
			}
		}
		if told < want {
			t.Errorf("%d of %d peers were told", told, clients)
		}
	})
}

// readUntilShed reads whole messages of that size until 1013 comes, and tells whether
// it did before there was nothing more to read.
func (p *peer) readUntilShed(size int) bool {
	p.t.Helper()
	_ = p.SetDeadline(time.Now().Add(2 * time.Second))
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

// Without pressure there is nothing that wakes anybody.
func TestBudget_IsIdleWithoutPressure(t *testing.T) {
	s := start(t, &Server{OnMessage: echo})
	dial(t, s).alive()
	if s.run.budget.limit < buffersMin {
		t.Errorf("default budget %d", s.run.budget.limit)
	}
	if s.run.budget.shedding.Load() || s.run.budget.tight() {
		t.Error("tight")
	}
	if none := start(t, &Server{Limits: Limits{MaxBuffers: -1}}); none.run.budget.limit != 0 || none.run.budget.tight() {
		t.Error("a negative budget is one")
	}
}

func TestMemory(t *testing.T) {
	if n := memory(); n < 1<<20 {
		t.Errorf("%d bytes of memory", n)
	}
	before := debug.SetMemoryLimit(123 << 20)
	n := memory()
	debug.SetMemoryLimit(before)
	if n != 123<<20 {
		t.Errorf("%d bytes with a limit of 123 MiB", n)
	}
	for text, want := range map[string]int64{"max\n": 0, "1048576\n": 1 << 20, "-1": 0, "": 0} {
		file := filepath.Join(t.TempDir(), "limit")
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if n, ok := readLimit(file); ok != (want > 0) || ok && n != want {
			t.Errorf("%q is %d, %v", text, n, ok)
		}
	}
	if _, ok := readLimit(filepath.Join(t.TempDir(), "missing")); ok {
		t.Error("a file that is not there has a limit")
	}
}
