package server

import (
	"fmt"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/framerail/framerail/conn"
	"github.com/framerail/framerail/frame"
	"github.com/framerail/framerail/internal/sampler"
)

// faults are ways in which a callback fails without returning.
var faults = map[string]func(){
	"panic":          func() { panic("boom") },
	"runtime.Goexit": runtime.Goexit, // as t.FailNow does
}

// faulty is a server whose callbacks fail on connections that ask for it by the
// name of the callback, and work on others.
func faulty(d conn.Dispatch, fault func(), log *journal) *Server {
	fails := func(c *conn.Conn, where string) {
		if c.Value() == where {
			fault()
		}
	}
	return &Server{
		Dispatch: d, Overflow: conn.OverflowRefuse, Logger: log.logger(), Limits: Limits{Limits: conn.Limits{CloseTimeout: time.Minute}},
		OnConnection: func(c *conn.Conn) {
			r, _ := c.Request()
			where := r.Header.Get("Fail")
			c.SetValue(where)
			if where == "stream" {
				c.OnStream(func(c *conn.Conn, _ *conn.Reader) { fails(c, "stream") })
			}
			if where == "drained" {
				for c.SendBinary(make([]byte, 64<<10)) == nil {
				}
			}
			fails(c, "open")
		},
		OnMessage: func(c *conn.Conn, m conn.Message) { fails(c, "message"); echo(c, m) },
		OnPing:    func(c *conn.Conn, b []byte) { fails(c, "ping"); _ = c.Pong(b) },
		OnPong:    func(c *conn.Conn, b []byte) { fails(c, "pong") },
		OnClose:   func(c *conn.Conn, _ conn.CloseInfo) { fails(c, "close") },
		OnDrained: func(c *conn.Conn) { fails(c, "drained") },
	}
}

func TestCallback_FaultClosesItsConnectionWith1011(t *testing.T) {
	for name, fault := range faults {
		t.Run(name, func(t *testing.T) {
			modes(t, func(t *testing.T, d conn.Dispatch) {
				var log journal
				s := faulty(d, fault, &log)
				s.Loops = 1
				start(t, s)
				other := dial(t, s)
				for _, where := range []string{"open", "message", "stream", "ping", "pong", "drained", "close"} {
					for range 3 {
						p := dial(t, s, "Fail: "+where)
						switch where {
						case "message", "stream":
							p.text("x")
						case "ping":
							p.send(masked(frame.Ping, true, "x"))
						case "pong":
							p.send(masked(frame.Pong, true, "x"))
						case "close":
							p.close(frame.NormalClosure, "")
							p.expectClose(frame.NormalClosure)
							p.expectEOF()
							continue
						}
						if code := lastClose(p); code != frame.InternalError {
							t.Errorf("%s: close code %v, want 1011", where, code)
						}
						p.close(frame.InternalError, "")
						p.expectGone()
						other.alive()
					}
				}
				dial(t, s).alive()
				if name == "panic" {
					log.expect(t, "boom", "callback_test.go")
				} else {
					log.expect(t, "runtime.Goexit", "callback_test.go")
				}
			})
		})
	}
}

// lastClose reads to the Close frame, whatever comes before it.
func lastClose(p *peer) frame.CloseCode {
	p.t.Helper()
	for {
		if h, payload := p.next(); h.Opcode == frame.Close {
			code, _, _ := frame.ParseClose([]byte(payload))
			return code
		}
	}
}

func TestCheck_GoexitGets500(t *testing.T) {
	s := start(t, &Server{Loops: 1, OnMessage: echo, Check: func(h *Handshake) error {
		if h.Request.Header.Get("Fail") != "" {
			runtime.Goexit()
		}
		return nil
	}})
	other := dial(t, s)
	for range 3 {
		p := dialRaw(t, s)
		p.send(with("Fail: 1"))
		p.expectRefusal(500)
		other.alive()
	}
}

// What a turn still had to do when a callback ended its goroutine is done by the
// next: mail, timers and orders.
func TestCallback_GoexitBreaksNoTurnOff(t *testing.T) {
	const clients = 50
	t.Run("mail", func(t *testing.T) {
		all := make(chan *conn.Conn, clients)
		var closed atomic.Int64
		s := start(t, &Server{Loops: 1, Limits: Limits{Limits: conn.Limits{CloseTimeout: 200 * time.Millisecond}},
			OnConnection: func(c *conn.Conn) { all <- c },
			OnMessage: func(*conn.Conn, conn.Message) {
				for range clients { // all find themselves in one mail
					c := <-all
					go func() { _ = c.Close(frame.NormalClosure, "") }()
				}
				time.Sleep(20 * time.Millisecond)
			},
			OnClose: func(*conn.Conn, conn.CloseInfo) { closed.Add(1); runtime.Goexit() },
		})
		var peers []*peer
		for range clients {
			peers = append(peers, dial(t, s))
		}
		eventually(t, "all", func() bool { return len(all) == clients })
		peers[0].text("x")
		for _, p := range peers {
			p.expectClose(frame.NormalClosure)
		}
		eventually(t, "every close callback", func() bool { return closed.Load() == clients })
	})
	t.Run("timers", func(t *testing.T) {
		var closed atomic.Int64
		s := start(t, &Server{Loops: 1, Limits: Limits{Limits: conn.Limits{IdleTimeout: 100 * time.Millisecond, CloseTimeout: 100 * time.Millisecond}},
			OnClose: func(*conn.Conn, conn.CloseInfo) { closed.Add(1); runtime.Goexit() }})
		for range clients {
			dial(t, s)
		}
		eventually(t, "every close callback", func() bool { return closed.Load() == clients })
	})
	t.Run("orders", func(t *testing.T) {
		var closed atomic.Int64
		s := start(t, &Server{Loops: 1, OnClose: func(*conn.Conn, conn.CloseInfo) { closed.Add(1); runtime.Goexit() }})
		for range clients {
			dial(t, s)
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
		if n := closed.Load(); n != clients {
			t.Errorf("%d close callbacks of %d", n, clients)
		}
	})
}

// Panics in every callback, at full load: each ends its connection and nothing
// else.
func TestCallback_PanicsUnderLoad(t *testing.T) {
	modes(t, func(t *testing.T, d conn.Dispatch) {
		var log journal
		s := start(t, faulty(d, faults["panic"], &log))
		stop := make(chan bool)
		var healthy sync.WaitGroup
		for range 5 {
			p := dial(t, s)
			healthy.Go(func() {
				for i := 0; ; i++ {
					select {
					case <-stop:
						return
					default:
					}
					text := fmt.Sprint(i)
					_ = p.SetDeadline(time.Now().Add(peerPatience))
					time.Sleep(time.Millisecond) // leaves the machine to the others
					_, _ = p.Write([]byte(masked(frame.Text, true, text)))
					if _, got, err := p.read(); err != nil || got != text {
						t.Errorf("healthy connection: got %q, %v; want %q", got, err, text)
						return
					}
				}
			})
		}
		n := 0
		for range 30 {
			for _, where := range []string{"open", "message", "ping", "pong"} {
				p := dial(t, s, "Fail: "+where)
				p.send(masked(frame.Text, true, "x") + masked(frame.Ping, true, "") + masked(frame.Pong, true, ""))
				if code := lastClose(p); code != frame.InternalError {
					t.Errorf("%s: close code %v", where, code)
				}
				p.Close()
				n++
			}
		}
		close(stop)
		healthy.Wait()
		eventually(t, "the panics to be counted", func() bool { return s.Stats().Panics >= uint64(n) })
		if got := log.lines("boom"); got < sampler.Burst || got >= n {
			t.Errorf("%d lines of %d panics", got, n)
		}
		if !strings.Contains(log.String(), "callback_test.go") {
			t.Error("the log has no stack")
		}
	})
}

// A callback on a goroutine may block; only its own connection waits.
func TestCallback_BlockingHoldsNobodyElse(t *testing.T) {
	release := make(chan bool)
	s := start(t, &Server{Loops: 1, Dispatch: conn.OnGoroutines, OnMessage: func(c *conn.Conn, m conn.Message) {
		if string(m.Payload) == "block" {
			<-release
		}
		echo(c, m)
	}})
	blocked, other := dial(t, s), dial(t, s)
	blocked.text("block")
	blocked.text("behind")
	for range 100 {
		other.alive()
	}
	blocked.send(masked(frame.Ping, true, "p")) // answered on the loop
	blocked.expect(frame.Pong, "p")
	release <- true
	blocked.expectText("block")
	blocked.expectText("behind")
}

func TestCallback_CloseInsideEachCallback(t *testing.T) {
	modes(t, func(t *testing.T, d conn.Dispatch) {
		for _, where := range []string{"open", "message", "ping", "pong"} {
			t.Run(where, func(t *testing.T) {
				closed := make(chan conn.CloseInfo, 2)
				act := func(c *conn.Conn, here string) {
					if here == where {
						_ = c.Close(4000, here)
					}
				}
				s := &Server{Dispatch: d,
					OnMessage: func(c *conn.Conn, m conn.Message) { act(c, "message") },
					OnPing:    func(c *conn.Conn, _ []byte) { act(c, "ping") },
					OnPong:    func(c *conn.Conn, _ []byte) { act(c, "pong") },
				}
				s.OnConnection = func(c *conn.Conn) { act(c, "open") }
				s.OnClose = func(c *conn.Conn, info conn.CloseInfo) {
					if _, listed := s.Client(c.RemoteAddr()); listed {
						t.Error("still listed in OnClose")
					}
					closed <- info
				}
				start(t, s)
				p := dialRaw(t, s)
				p.send(with() + masked(frame.Text, true, "x") + masked(frame.Ping, true, "") + masked(frame.Pong, true, ""))
				p.expectStatus(101)
				if code := lastClose(p); code != 4000 {
					t.Errorf("close code %v", code)
				}
				p.close(4000, "")
				p.expectEOF()
				if info := receive(t, closed); info.By != conn.Local || info.Reason != where || !info.Clean() {
					t.Errorf("closed with %v", info)
				}
				time.Sleep(5 * time.Millisecond)
				if len(closed) != 0 {
					t.Error("closed twice")
				}
			})
		}
	})
}

func TestCallback_OpenFirstCloseLastAndOnce(t *testing.T) {
	modes(t, func(t *testing.T, d conn.Dispatch) {
		type trace struct {
			busy   atomic.Bool
			events []string
		}
		done := make(chan *trace, 100)
		enter := func(c *conn.Conn, what string) (tr *trace) {
			if c.Value() == nil {
				c.SetValue(new(trace))
			}
			tr = c.Value().(*trace)
			if !tr.busy.CompareAndSwap(false, true) {
				t.Error("two callbacks of one connection at once")
			}
			tr.events = append(tr.events, what)
			runtime.Gosched()
			tr.busy.Store(false)
			return tr
		}
		s := start(t, &Server{Dispatch: d,
			OnConnection: func(c *conn.Conn) { enter(c, "open") },
			OnMessage:    func(c *conn.Conn, m conn.Message) { enter(c, m.String()) },
			OnPing:       func(c *conn.Conn, b []byte) { enter(c, "ping") },
			OnClose:      func(c *conn.Conn, _ conn.CloseInfo) { done <- enter(c, "close") },
		})
		for range 30 {
			p := dialRaw(t, s)
			p.send(with() + masked(frame.Text, true, "1") + masked(frame.Ping, true, "") + masked(frame.Text, true, "2"))
			p.expectStatus(101)
			p.close(frame.NormalClosure, "")
			p.expectClose(frame.NormalClosure)
			tr := receive(t, done)
			if got := strings.Join(tr.events, " "); got != "open 1 ping 2 close" {
				t.Errorf("events: %s", got)
			}
		}
	})
}
