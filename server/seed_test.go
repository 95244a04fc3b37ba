package server

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/framerail/framerail/conn"
	"github.com/framerail/framerail/frame"
)

// The tests of this file hold to what the server must let a program do, one test
// for each way of working with it.

func TestSeed_ServerFromAddressAndLoops(t *testing.T) {
	s := start(t, &Server{Addr: "127.0.0.1:0", Loops: 3, OnMessage: echo})
	if n := len(s.run.loops); n != 3 {
		t.Errorf("%d loops, want 3", n)
	}
	for range 6 {
		dial(t, s).alive()
	}
	for i, l := range s.run.loops {
		if n := l.load.Load(); n != 2 {
			t.Errorf("loop %d has %d of 6 connections, want 2", i, n)
		}
	}
}

func TestSeed_StartWithoutBlocking(t *testing.T) {
	s := &Server{OnMessage: echo}
	if s.ListenAddr() != nil {
		t.Error("an address before there is a listener")
	}
	start(t, s) // port 0
	addr, err := netip.ParseAddrPort(s.ListenAddr().String())
	if err != nil || addr.Port() == 0 {
		t.Fatalf("bound to %v, %v", s.ListenAddr(), err)
	}
	p := dial(t, s)
	p.alive()
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	p.expectGone()
}

func TestSeed_ServeForever(t *testing.T) {
	for _, test := range []struct {
		name string
		end  func(*Server) error
	}{
		{"Close", (*Server).Close},
		{"Shutdown", func(s *Server) error { return drain(s, context.Background()) }},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := &Server{OnMessage: echo}
			prepare(s)
			served := make(chan error)
			go func() { served <- s.ListenAndServe() }()
			eventually(t, "the listener", func() bool { return s.ListenAddr() != nil })
			p := dial(t, s)
			p.alive()
			p.Close()
			select {
			case err := <-served:
				t.Fatalf("serving ended by itself: %v", err)
			default:
			}
			if err := test.end(s); err != nil {
				t.Error(err)
			}
			if err := receive(t, served); err != ErrServerClosed {
				t.Errorf("got %v, want ErrServerClosed", err)
			}
			expectNothingHeld(t, s)
		})
	}
}

func TestSeed_OnConnection(t *testing.T) {
	modes(t, func(t *testing.T, d conn.Dispatch) {
		type seen struct {
			state       conn.State
			path, query string
			host        string
		}
		opened := make(chan seen, 1)
		s := start(t, &Server{Dispatch: d, OnConnection: func(c *conn.Conn) {
			r := c.Request()
			opened <- seen{c.State(), r.URL.Path, r.URL.RawQuery, r.Host}
		}})
		p := dialRaw(t, s)
		p.send(upgrade)
		time.Sleep(20 * time.Millisecond)
		if len(opened) != 0 {
			t.Fatal("called before the handshake was done")
		}
		p.send("\r\n")
		if got, want := receive(t, opened), (seen{conn.Open, "/chat", "room=1", "example.com"}); got != want {
			t.Errorf("got %+v, want %+v", got, want)
		}
		p.expectStatus(101)
	})
}

func TestSeed_ClientAddress(t *testing.T) {
	modes(t, func(t *testing.T, d conn.Dispatch) {
		addrs := make(chan [2]netip.AddrPort, 1)
		s := start(t, &Server{Dispatch: d, OnConnection: func(c *conn.Conn) {
			addrs <- [2]netip.AddrPort{c.RemoteAddr(), c.LocalAddr()}
		}})
		p := dial(t, s)
		got := receive(t, addrs)
		if got[0].String() != p.LocalAddr().String() || got[1].String() != p.RemoteAddr().String() {
			t.Errorf("remote %v and local %v; the client is at %v and has dialled %v", got[0], got[1], p.LocalAddr(), p.RemoteAddr())
		}
	})
}

func TestSeed_ClientsHoldAllButTheNewOne(t *testing.T) {
	modes(t, func(t *testing.T, d conn.Dispatch) {
		type seen struct {
			others []string
			count  int
			self   bool
		}
		opened := make(chan seen, 1)
		s := &Server{Dispatch: d}
		s.OnConnection = func(c *conn.Conn) {
			var v seen
			for other := range s.Clients() {
				v.others = append(v.others, other.RemoteAddr().String())
			}
			v.count = s.ClientCount()
			_, v.self = s.Client(c.RemoteAddr())
			opened <- v
		}
		start(t, s)
		var all []string
		for i := range 5 {
			p := dial(t, s)
			got := receive(t, opened)
			slices.Sort(got.others)
			slices.Sort(all)
			if !slices.Equal(got.others, all) || got.count != i || got.self {
				t.Errorf("client %d saw %+v, want %v", i, got, all)
			}
			eventually(t, "the new one to be listed", func() bool { return s.ClientCount() == i+1 })
			all = append(all, p.LocalAddr().String())
			c, ok := s.Client(netip.MustParseAddrPort(p.LocalAddr().String()))
			if !ok || c.RemoteAddr().String() != p.LocalAddr().String() {
				t.Errorf("looked up %v, found %v, %v", p.LocalAddr(), c, ok)
			}
		}
	})
}

func TestSeed_OnMessagePerClient(t *testing.T) {
	modes(t, func(t *testing.T, d conn.Dispatch) {
		s := start(t, &Server{Dispatch: d, OnMessage: echo, OnConnection: func(c *conn.Conn) {
			name := c.Request().URL.Query().Get("name")
			if name == "" {
				return // the server's callback
			}
			c.OnMessage(func(c *conn.Conn, m conn.Message) {
				_ = c.SendText(name + ": " + m.String())
			})
		}})
		named := func(name string) *peer {
			p := dialRaw(t, s)
			p.send(strings.Replace(upgrade, "room=1", "name="+name, 1) + "\r\n" + masked(frame.Text, true, "first"))
			p.expectStatus(101)
			return p
		}
		for name, want := range map[string]string{"ann": "ann: first", "bob": "bob: first", "": "first"} {
			named(name).expectText(want)
		}
	})
}

func TestSeed_MessageIsAStream(t *testing.T) {
	modes(t, func(t *testing.T, d conn.Dispatch) {
		type result struct {
			typ  conn.MessageType
			got  []string
			errs []error
		}
		read := map[string]func(r *conn.Reader, res *result){
			"read n": func(r *conn.Reader, res *result) {
				b := make([]byte, 4)
				n, err := r.Read(b)
				res.got, res.errs = append(res.got, string(b[:n])), append(res.errs, err)
			},
			"read into": func(r *conn.Reader, res *result) {
				into := bytes.Repeat([]byte("."), 12)
				n, err := io.ReadFull(r, into[3:9])
				res.got, res.errs = append(res.got, fmt.Sprintf("%d %s", n, into)), append(res.errs, err)
			},
			"read exactly": func(r *conn.Reader, res *result) {
				b := make([]byte, 10)
				_, err := io.ReadFull(r, b)
				_, end := r.Read(b)
				res.got, res.errs = append(res.got, string(b)), append(res.errs, err, end)
			},
			"at the end": func(r *conn.Reader, res *result) {
				_, err := io.Copy(io.Discard, r)
				n, end := r.Read(make([]byte, 1))
				res.got, res.errs = append(res.got, fmt.Sprint(n)), append(res.errs, err, end)
			},
			"whole as bytes": func(r *conn.Reader, res *result) {
				b, err := r.ReadAll()
				res.got, res.errs = append(res.got, string(b)), append(res.errs, err)
			},
			"whole as text": func(r *conn.Reader, res *result) {
				s, err := r.ReadString()
				res.got, res.errs = append(res.got, s), append(res.errs, err)
			},
			"nothing": func(*conn.Reader, *result) {},
		}
		results := make(chan result, 1)
		s := start(t, &Server{Dispatch: d, OnStream: func(c *conn.Conn, r *conn.Reader) {
			how := c.Value().(string)
			res := result{typ: r.Type()}
			read[how](r, &res)
			results <- res
		}, OnConnection: func(c *conn.Conn) {
			c.SetValue(c.Request().Header.Get("How"))
		}})
		for how, want := range map[string]result{
			"read n":         {got: []string{"0123"}, errs: []error{nil}},
			"read into":      {got: []string{"6 ...012345..."}, errs: []error{nil}},
			"read exactly":   {got: []string{"0123456789"}, errs: []error{nil, io.EOF}},
			"at the end":     {got: []string{"0"}, errs: []error{nil, io.EOF}},
			"whole as bytes": {got: []string{"0123456789"}, errs: []error{nil}},
			"whole as text":  {got: []string{"0123456789"}, errs: []error{nil}},
			"nothing":        {},
		} {
			p := dial(t, s, "How: "+how)
			for _, typ := range []conn.MessageType{conn.Text, conn.Binary} {
				want.typ = typ
				p.send(masked(typ, false, "0123") + masked(frame.Continuation, false, "456") + masked(frame.Continuation, true, "789"))
				if got := receive(t, results); fmt.Sprint(got) != fmt.Sprint(want) {
					t.Errorf("%s: got %v, want %v", how, got, want)
				}
			}
			p.send(masked(frame.Ping, true, ""))
			p.expect(frame.Pong, "") // what was left unread is out of the way
		}
	})
}

func TestSeed_StreamIsReadWhileItArrives(t *testing.T) {
	modes(t, func(t *testing.T, d conn.Dispatch) {
		pieces := make(chan string, 1)
		s := start(t, &Server{Dispatch: d, OnStream: func(c *conn.Conn, r *conn.Reader) {
			b := make([]byte, 100)
			for {
				n, err := r.Read(b)
				if err != nil {
					pieces <- err.Error()
					return
				}
				pieces <- string(b[:n])
			}
		}})
		p := dial(t, s)
		whole := masked(frame.Text, true, "one frame in two pieces")
		p.send(whole[:10])
		if got := receive(t, pieces); got != "one " {
			t.Errorf("got %q before the rest was sent", got)
		}
		p.send(whole[10:])
		if got := receive(t, pieces); got != "frame in two pieces" {
			t.Errorf("got %q", got)
		}
		if got := receive(t, pieces); got != "EOF" {
			t.Errorf("got %q at the end", got)
		}
	})
}

func TestSeed_ReaderRaisesWhenCut(t *testing.T) {
	modes(t, func(t *testing.T, d conn.Dispatch) {
		for _, test := range []struct {
			name string
			cut  func(*peer)
			want func(error) bool
		}{
			{"connection", func(p *peer) { p.Close() }, func(err error) bool { return errors.Is(err, io.ErrUnexpectedEOF) }},
			{"close_frame", func(p *peer) { p.close(frame.NormalClosure, "") }, func(err error) bool { return errors.Is(err, io.ErrUnexpectedEOF) }},
			{"text", func(p *peer) { p.send(masked(frame.Continuation, false, "\xff")) }, func(err error) bool {
				var fault *frame.Error
				return errors.As(err, &fault) && fault.Code == frame.InvalidFramePayloadData
			}},
		} {
			t.Run(test.name, func(t *testing.T) {
				began, ended := make(chan string, 1), make(chan error, 1)
				s := start(t, &Server{Dispatch: d, OnStream: func(c *conn.Conn, r *conn.Reader) {
					b := make([]byte, 4)
					_, _ = io.ReadFull(r, b)
					began <- string(b)
					_, err := r.ReadAll()
					ended <- err
				}})
				p := dial(t, s)
				p.send(masked(frame.Text, false, "half"))
				if got := receive(t, began); got != "half" {
					t.Fatalf("got %q", got)
				}
				test.cut(p)
				if err := receive(t, ended); !test.want(err) {
					t.Errorf("the reader says %v", err)
				}
			})
		}
	})
}

func TestSeed_SendPicksType(t *testing.T) {
	type name string
	modes(t, func(t *testing.T, d conn.Dispatch) {
		s := start(t, &Server{Dispatch: d, OnConnection: func(c *conn.Conn) {
			for _, err := range []error{
				conn.Send(c, "text"), conn.Send(c, []byte("binary")), conn.Send(c, name("named")),
				c.SendText("explicit"), c.SendBinary([]byte{1}), c.Send(conn.Text, []byte("by type")),
			} {
				if err != nil {
					t.Error(err)
				}
			}
		}})
		p := dial(t, s)
		p.expect(frame.Text, "text")
		p.expect(frame.Binary, "binary")
		p.expect(frame.Text, "named")
		p.expect(frame.Text, "explicit")
		p.expect(frame.Binary, "\x01")
		p.expect(frame.Text, "by type")
	})
}

func TestSeed_SendToOthers(t *testing.T) {
	modes(t, func(t *testing.T, d conn.Dispatch) {
		s := &Server{Dispatch: d}
		s.OnMessage = func(c *conn.Conn, m conn.Message) {
			for other := range s.Clients() {
				if other != c {
					_ = other.Send(m.Type, m.Payload)
				}
			}
		}
		start(t, s)
		var peers []*peer
		for range 6 { // on both loops
			peers = append(peers, dial(t, s))
		}
		eventually(t, "all to be listed", func() bool { return s.ClientCount() == len(peers) })
		for i, from := range peers {
			text := fmt.Sprint("from ", i)
			from.text(text)
			for j, p := range peers {
				if j != i {
					p.expectText(text)
				}
			}
		}
	})
}

func TestSeed_SendFromAnyGoroutine(t *testing.T) {
	conns := make(chan *conn.Conn, 1)
	s := start(t, &Server{OnConnection: func(c *conn.Conn) { conns <- c }})
	p := dial(t, s)
	c := receive(t, conns)
	const senders, each = 8, 50
	var wg sync.WaitGroup
	for i := range senders {
		wg.Go(func() {
			for n := range each {
				if err := c.SendText(fmt.Sprint(i, " ", n)); err != nil {
					t.Error(err)
				}
			}
		})
	}
	var next [senders]int
	for range senders * each {
		var i, n int
		_, text := p.next()
		if _, err := fmt.Sscan(text, &i, &n); err != nil || n != next[i] {
			t.Fatalf("got %q, %v; want %d of sender %d", text, err, next[i], i)
		}
		next[i]++
	}
	wg.Wait()
}

func TestSeed_Fragments(t *testing.T) {
	modes(t, func(t *testing.T, d conn.Dispatch) {
		s := start(t, &Server{Dispatch: d, OnConnection: func(c *conn.Conn) {
			w, err := c.NewWriter(conn.Text)
			if err != nil {
				t.Error(err)
				return
			}
			_, _ = w.WriteString("one, ")
			_ = w.Flush()
			_ = c.SendText("behind") // waits for the end of the message
			_ = c.Ping(nil)          // does not
			_, _ = io.WriteString(w, "two, ")
			_ = w.Flush()
			_, _ = w.Write([]byte("three"))
			if err := w.Close(); err != nil {
				t.Error(err)
			}
		}})
		p := dial(t, s)
		p.expectFragment(frame.Text, false, "one, ")
		p.expectFragment(frame.Ping, true, "")
		p.expectFragment(frame.Continuation, false, "two, ")
		p.expectFragment(frame.Continuation, true, "three")
		p.expectText("behind")
	})
}

func TestSeed_FeedForwardsWhileArriving(t *testing.T) {
	modes(t, func(t *testing.T, d conn.Dispatch) {
		s := start(t, &Server{Dispatch: d, Limits: Limits{MaxMessageSize: 64 << 20}, OnStream: func(c *conn.Conn, r *conn.Reader) {
			w, err := c.NewWriter(r.Type())
			if err != nil {
				t.Error(err)
				return
			}
			if _, err := io.Copy(w, r); err != nil {
				t.Error(err)
			}
			if err := w.Close(); err != nil {
				t.Error(err)
			}
		}})
		p := dial(t, s)
		p.send(masked(frame.Binary, false, "begin"))
		if h, got := p.next(); got != "begin" || h.Fin { // before there is an end
			t.Fatalf("forwarded %q, fin %v", got, h.Fin)
		}

		// More than the server may hold, to a client that does not read as yet.
		const piece, pieces = 64 << 10, 64
		sent := make(chan error, 1)
		go func() {
			for range pieces {
				if _, err := io.WriteString(p, masked(frame.Continuation, false, strings.Repeat("x", piece))); err != nil {
					sent <- err
					return
				}
			}
			_, err := io.WriteString(p, masked(frame.Continuation, true, "end"))
			sent <- err
		}()
		total := 0
		for {
			h, got := p.next()
			total += len(got)
			if h.Fin {
				if !strings.HasSuffix(got, "end") && got != "" {
					t.Errorf("ends with %.20q", got)
				}
				break
			}
		}
		if want := piece*pieces + len("end"); total != want {
			t.Errorf("forwarded %d bytes, want %d", total, want)
		}
		if err := receive(t, sent); err != nil {
			t.Error(err)
		}
	})
}

func TestSeed_PingPong(t *testing.T) {
	modes(t, func(t *testing.T, d conn.Dispatch) {
		t.Run("automatic", func(t *testing.T) {
			p := dial(t, start(t, &Server{Dispatch: d}))
			p.send(masked(frame.Ping, true, "payload"))
			p.expect(frame.Pong, "payload")
		})
		t.Run("OnPing_replaces_the_pong", func(t *testing.T) {
			p := dial(t, start(t, &Server{Dispatch: d, OnPing: func(c *conn.Conn, b []byte) {
				_ = c.Pong(append([]byte("own "), b...))
			}}))
			p.send(masked(frame.Ping, true, "payload"))
			p.expect(frame.Pong, "own payload")
		})
		t.Run("OnPong", func(t *testing.T) {
			p := dial(t, start(t, &Server{Dispatch: d,
				OnConnection: func(c *conn.Conn) { _ = c.Ping([]byte("are you there?")) },
				OnPong:       func(c *conn.Conn, b []byte) { _ = c.SendText("pong " + string(b)) },
			}))
			p.expect(frame.Ping, "are you there?")
			p.send(masked(frame.Pong, true, "yes"))
			p.expectText("pong yes")
		})
	})
}

func TestSeed_CloseCodeAndReason(t *testing.T) {
	modes(t, func(t *testing.T, d conn.Dispatch) {
		t.Run("this_side", func(t *testing.T) {
			closed := make(chan conn.CloseInfo, 2)
			s := start(t, &Server{Dispatch: d,
				OnMessage: func(c *conn.Conn, m conn.Message) { _ = c.Close(frame.PolicyViolation, "enough") },
				OnClose:   func(_ *conn.Conn, info conn.CloseInfo) { closed <- info },
			})
			p := dial(t, s)
			p.text("x")
			if reason := p.expectClose(frame.PolicyViolation); reason != "enough" {
				t.Errorf("reason %q", reason)
			}
			p.close(frame.PolicyViolation, "")
			p.expectEOF()
			want := conn.CloseInfo{By: conn.Local, Sent: frame.PolicyViolation, Received: frame.PolicyViolation, Reason: "enough"}
			if got := receive(t, closed); got != want {
				t.Errorf("got %v, want %v", got, want)
			}
		})
		t.Run("the_peer", func(t *testing.T) {
			closed := make(chan conn.CloseInfo, 2)
			s := start(t, &Server{Dispatch: d, OnClose: func(_ *conn.Conn, info conn.CloseInfo) { closed <- info }})
			p := dial(t, s)
			p.close(4001, "bye")
			p.expectClose(4001)
			p.expectEOF()
			want := conn.CloseInfo{By: conn.Peer, Sent: 4001, Received: 4001, Reason: "bye"}
			if got := receive(t, closed); got != want {
				t.Errorf("got %v, want %v", got, want)
			}
		})
		t.Run("codes_have_names", func(t *testing.T) {
			if s := fmt.Sprint(frame.GoingAway); !strings.Contains(strings.ToLower(s), "going away") {
				t.Errorf("1001 is %q", s)
			}
		})
	})
}

func TestSeed_DisconnectOneAndAll(t *testing.T) {
	modes(t, func(t *testing.T, d conn.Dispatch) {
		s := start(t, &Server{Dispatch: d, OnMessage: echo})
		one, others := dial(t, s), []*peer{dial(t, s), dial(t, s), dial(t, s)}
		eventually(t, "all to be listed", func() bool { return s.ClientCount() == 4 })
		c, _ := s.Client(netip.MustParseAddrPort(one.LocalAddr().String()))
		if err := c.Close(frame.NormalClosure, ""); err != nil {
			t.Error(err)
		}
		one.expectClose(frame.NormalClosure)
		one.close(frame.NormalClosure, "")
		one.expectEOF()
		for _, p := range others {
			p.alive()
		}

		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		done := make(chan error, 1)
		go func() { done <- drain(s, ctx) }()
		for _, p := range others {
			p.expectClose(frame.GoingAway)
			p.close(frame.GoingAway, "")
			p.expectEOF()
		}
		if err := receive(t, done); err != nil {
			t.Error(err)
		}
	})
}

func TestSeed_Heartbeat(t *testing.T) {
	modes(t, func(t *testing.T, d conn.Dispatch) {
		closed := make(chan conn.CloseInfo, 1)
		s := start(t, &Server{Dispatch: d, Limits: Limits{IdleTimeout: 400 * time.Millisecond}, OnConnection: func(c *conn.Conn) {
			if c.Request().Header.Get("Watch") != "" {
				c.OnClose(func(_ *conn.Conn, info conn.CloseInfo) { closed <- info })
			}
		}})
		silent, lively := dial(t, s, "Watch: 1"), dial(t, s)
		silent.expect(frame.Ping, "") // at half the timeout
		for range 4 {
			lively.expect(frame.Ping, "")
			lively.send(masked(frame.Pong, true, ""))
		}
		if info := receive(t, closed); !errors.Is(info.Err, conn.ErrIdle) {
			t.Errorf("the silent one was closed with %v", info)
		}
		silent.expectClose(frame.PolicyViolation)
		silent.expectGone()
		if n := s.ClientCount(); n != 1 {
			t.Errorf("%d clients left, want the lively one", n)
		}
	})
}

func TestSeed_HeartbeatIsOnByDefault(t *testing.T) {
	s := start(t, &Server{})
	if got := s.run.config.IdleTimeout; got != 120*time.Second {
		t.Errorf("idle timeout %v, want 120 s", got)
	}
}

func TestSeed_State(t *testing.T) {
	modes(t, func(t *testing.T, d conn.Dispatch) {
		states := make(chan conn.State, 10)
		s := start(t, &Server{Dispatch: d,
			OnConnection: func(c *conn.Conn) { states <- c.State() },
			OnMessage: func(c *conn.Conn, _ conn.Message) {
				states <- c.State()
				_ = c.Close(frame.NormalClosure, "")
				states <- c.State()
			},
			OnClose: func(c *conn.Conn, _ conn.CloseInfo) { states <- c.State() },
		})
		p := dial(t, s)
		p.text("x")
		p.expectClose(frame.NormalClosure)
		p.close(frame.NormalClosure, "")
		p.expectEOF()
		for _, want := range []conn.State{conn.Open, conn.Open, conn.Closing, conn.Closed} {
			if got := receive(t, states); got != want {
				t.Errorf("state %v, want %v", got, want)
			}
		}
		if s := fmt.Sprint(conn.Connecting, conn.Open, conn.Closing, conn.Closed); s != "connecting open closing closed" {
			t.Errorf("states are called %s", s)
		}
	})
}

// RFC 6455 5.5.1: there is no way to force data through after a Close frame.
func TestSeed_NoDataAfterClose(t *testing.T) {
	modes(t, func(t *testing.T, d conn.Dispatch) {
		errs := make(chan error, 10)
		s := start(t, &Server{Dispatch: d, OnMessage: func(c *conn.Conn, _ conn.Message) {
			_ = c.Close(frame.NormalClosure, "")
			_, err := c.NewWriter(conn.Text)
			for _, err := range []error{err, c.SendText("x"), c.SendBinary(nil), c.Ping(nil), c.Pong(nil), c.Close(frame.NormalClosure, "")} {
				errs <- err
			}
		}})
		p := dial(t, s)
		p.text("x")
		p.expectClose(frame.NormalClosure)
		for range 6 {
			if err := receive(t, errs); !errors.Is(err, conn.ErrClosed) {
				t.Errorf("got %v, want ErrClosed", err)
			}
		}
		p.close(frame.NormalClosure, "")
		p.expectEOF() // and nothing before it
	})
}
