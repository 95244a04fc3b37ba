package server

import (
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/framerail/framerail/conn"
)

// Upgrade returns when all callbacks have, also those that run on although the stream was closed.
func TestStream_UpgradeReturnsBehindOnClose(t *testing.T) {
	reset := errors.New("stream error: stream ID 1; CANCEL")
	ends := map[string]func(st *h2stream, p *peer){
		"clean": func(_ *h2stream, p *peer) { p.close(1000, ""); p.expectClose(1000) },
		"reset": func(st *h2stream, p *peer) { st.reset.Store(&reset); _ = p.Conn.Close() },
	}
	for name, end := range ends {
		t.Run(name, func(t *testing.T) {
			modes(t, func(t *testing.T, d conn.Dispatch) {
				begun, unheld := make(chan struct{}, 1), make(chan struct{})
				unhold := sync.OnceFunc(func() { close(unheld) })
				defer unhold()
				var returned atomic.Bool
				s := unstarted(t, &Server{OnMessage: echo, Dispatch: d, OnClose: func(*conn.Conn, conn.CloseInfo) {
					begun <- struct{}{}
					<-unheld
					returned.Store(true)
				}})
				st, p, ended := openStream(t, s, h2request())
				receive(t, st.status)
				p.alive()
				end(st, p)
				receive(t, begun)
				receive(t, st.closed)
				expectNone(t, ended)
				unhold()
				if err := receive(t, ended); err != nil || !returned.Load() {
					t.Errorf("Upgrade has returned %v; OnClose has returned: %v", err, returned.Load())
				}
			})
		})
	}
}

// OnMessage may go on when its client has reset the stream. Upgrade waits for that, and for OnClose behind it.
func TestStream_UpgradeWaitsForABlockedCallback(t *testing.T) {
	reset := errors.New("stream error: stream ID 1; CANCEL")
	for name, end := range map[string]func(s *Server, st *h2stream, p *peer){
		"reset": func(_ *Server, st *h2stream, p *peer) {
			st.reset.Store(&reset)
			_ = p.Conn.Close()
		},
		"abort": func(s *Server, _ *h2stream, _ *peer) {
			for c := range s.Clients() {
				c.Abort()
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			begun, unheld := make(chan struct{}, 1), make(chan struct{})
			unhold := sync.OnceFunc(func() { close(unheld) })
			defer unhold()
			var returned atomic.Bool
			s := unstarted(t, &Server{
				Dispatch:  conn.OnGoroutines,
				OnMessage: func(*conn.Conn, conn.Message) { begun <- struct{}{}; <-unheld },
				OnClose:   func(*conn.Conn, conn.CloseInfo) { returned.Store(true) },
			})
			st, p, ended := openStream(t, s, h2request())
			receive(t, st.status)
			p.text("hello")
			receive(t, begun)
			end(s, st, p)
			receive(t, st.closed)
			expectNone(t, ended)
			unhold()
			if err := receive(t, ended); err != nil || !returned.Load() {
				t.Errorf("Upgrade has returned %v; OnClose has returned: %v", err, returned.Load())
			}
		})
	}
}

// expectNone fails if Upgrade returns. It looks a little later, for an Upgrade that wrongly does.
func expectNone(t *testing.T, ended chan error) {
	t.Helper()
	select {
	case err := <-ended:
		t.Fatalf("Upgrade has returned %v before the callbacks", err)
	case <-time.After(20 * time.Millisecond):
	}
}
