package server

import (
	"context"
	"net"
	"net/http"
	"runtime"
	"sync/atomic"
	"testing"

	"github.com/framerail/framerail/internal/nethttp"
	"github.com/framerail/framerail/internal/platform"
)

// What net/http had for a connection is collected while the connection lives: the request,
// what its context holds, and the net.Conn of a socket that was moved.
func TestUpgrade_NetHTTPsMemoryIsReleased(t *testing.T) {
	for name, listen := range map[string]func() (net.Listener, error){"plain": listenLocally, "tls": listenMovably} {
		t.Run(name, func(t *testing.T) {
			var freed atomic.Int32
			free := func(int) { freed.Add(1) }
			s := &Server{OnMessage: echo}
			prepare(s)
			defer s.Close()
			ln, err := listen()
			if err != nil {
				t.Fatal(err)
			}
			type mark struct{ _ [100]byte }
			hs := &http.Server{
				Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					runtime.AddCleanup(r, free, 0)
					_ = s.Upgrade(w, r, nil)
				}),
				ConnContext: func(ctx context.Context, nc net.Conn) context.Context {
					if below, _ := nethttp.Unwrap(nc); below != nil {
						runtime.AddCleanup(below.(*net.TCPConn), free, 0)
					}
					m := new(mark)
					runtime.AddCleanup(m, free, 0)
					return context.WithValue(ctx, m, m)
				},
			}
			served := make(chan error, 1)
			go func() { served <- hs.Serve(ln) }()
			defer func() { _ = hs.Close(); <-served }()
			w := &web{s, ln}
			p := w.dialRaw(t)
			if name == "tls" {
				p = w.dialTLS(t)
			}
			p.handshake()
			p.alive()
			eventually(t, "request, context and net.Conn to be collected", func() bool {
				runtime.GC()
				if !platform.Native {
					return freed.Load() == 2 // the net.Conn is what is read and written
				}
				return freed.Load() == 3
			})
			p.alive()
		})
	}
}
