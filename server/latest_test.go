//go:build linux

package server

import (
	"crypto/tls"
	"fmt"
	"io"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/framerail/framerail/conn"
)

// Snapshots of a game, of 16 KiB each: many times what the kernel would hold for a client.
const snapshots, snapshotSize = 600, 16 << 10

// publish has every client sent all snapshots, one after the other, under one key.
func publish(t *testing.T, s *Server) {
	t.Helper()
	rest := strings.Repeat("x", snapshotSize-4)
	for i := range snapshots {
		for c := range s.Clients() {
			if err := c.SendMessage(conn.Message{Type: conn.Text, Key: "world", Payload: fmt.Appendf(nil, "%04d%s", i, rest)}); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// catchUp reads until the last snapshot has come, and returns how many came, that one
// included.
func (p *peer) catchUp() (came int) {
	p.t.Helper()
	for {
		_, payload := p.next()
		came++
		if payload[:4] == fmt.Sprintf("%04d", snapshots-1) {
			return came
		}
	}
}

// Clients that do not read as fast find fresh snapshots, and not what a kernel has held back
// for them, with the buffers that the system chooses: what it has not sent waits here, and
// is replaced.
func TestLatest_SlowClientsGetFreshSnapshots(t *testing.T) {
	// What has left is with the client's system, which holds so much at most for one that did not
	// read yet; 16 KiB are with ours.
	const most, theirs = 60, 64 << 10
	for name, s := range map[string]*Server{
		"latest":                {Overflow: conn.OverflowLatest},
		"drop oldest":           {Overflow: conn.OverflowDropOldest, Limits: Limits{Limits: conn.Limits{MaxPending: 256 << 10}}},
		"set on the connection": {OnConnection: func(c *conn.Conn) { c.SetOverflow(conn.OverflowLatest) }},
		"latest over TLS":       {Overflow: conn.OverflowLatest, TLSConfig: new(tls.Config)},
	} {
		t.Run(name, func(t *testing.T) {
			var slow []*peer
			if s.TLSConfig != nil {
				startTLS(t, s)
				slow = append(slow, dialTLS(t, s))
			} else {
				start(t, s)
				for range 5 {
					slow = append(slow, dial(t, s))
				}
			}
			for _, p := range slow {
				_ = underTLS(p).SetReadBuffer(theirs)
			}
			eventually(t, "all to be listed", func() bool { return s.ClientCount() == len(slow) })
			publish(t, s)
			var all sync.WaitGroup
			for _, p := range slow {
				all.Go(func() {
					came := p.catchUp()
					if came > most {
						t.Errorf("%d of %d snapshots came before the last", came, snapshots)
					}
				})
			}
			all.Wait()
			o := s.Stats().Overflows
			if o.Replaced+o.Oldest < uint64(len(slow)*(snapshots-most)) {
				t.Errorf("dropped %+v", o)
			}
		})
	}
}

// Clients that read as fast as they can are not slowed down by the bound.
func BenchmarkUnsentLimit(b *testing.B) {
	for _, limit := range []int{-1, 0} {
		b.Run(fmt.Sprintf("limit=%d", limit), func(b *testing.B) {
			conns := make(chan *conn.Conn, 1)
			s := start(b, &Server{
				Overflow: conn.OverflowDropOldest, TCP: TCP{UnsentLimit: limit}, OnConnection: func(c *conn.Conn) { conns <- c },
			})
			p := dial(b, s)
			_ = p.SetDeadline(time.Time{})
			go func() { _, _ = io.Copy(io.Discard, p.r) }()
			c := receive(b, conns)
			payload := make([]byte, 4<<10)
			b.SetBytes(int64(len(payload)))
			for range b.N {
				_ = sendWait(c, payload)
			}
		})
	}
}
