package server

import (
	"fmt"
	"io"
	"strings"
	"sync"
	"testing"

	"github.com/framerail/framerail/conn"
	"github.com/framerail/framerail/frame"
)

func TestSeed_SendPicksType(t *testing.T) {
	modes(t, func(t *testing.T, d conn.Dispatch) {
		s := start(t, &Server{Dispatch: d, OnConnection: func(c *conn.Conn) {
			for _, err := range []error{
				c.SendText("text"), c.SendBinary([]byte("binary")), c.SendMessage(conn.Message{Type: conn.Text, Payload: []byte("whole")}),
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
		p.expect(frame.Text, "whole")
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
		s := start(t, &Server{Dispatch: d, Limits: Limits{Limits: conn.Limits{MaxMessageSize: 64 << 20}}, OnStream: func(c *conn.Conn, r *conn.Reader) {
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
