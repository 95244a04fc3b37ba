//go:build !race && !owned && !kqueue

// The race detector, the checks of package guard and the emulation of kqueue allocate.

package client

import (
	"context"
	"runtime"
	"testing"

	"github.com/framerail/framerail/conn"
	"github.com/framerail/framerail/internal/platform"
	"github.com/framerail/framerail/internal/test/allocs"
	"github.com/framerail/framerail/server"
)

// An echo allocates nothing at either end.
func TestConnection_DoesNotAllocate(t *testing.T) {
	for name, tc := range map[string]struct {
		secure  bool
		deflate Deflate
		most    float64
	}{
		"plain":    {},
		"TLS":      {secure: true, most: 2}, // crypto/tls has one for each record that it reads
		"takeover": {deflate: Deflate{Enabled: true, ServerTakeover: true, ClientTakeover: true}},
	} {
		t.Run(name, func(t *testing.T) {
			url := start(t, &server.Server{Deflate: server.Deflate{Enabled: true, ServerTakeover: true, ClientTakeover: true}, SlowCallback: -1}, tc.secure)
			back := make(chan struct{}, 1)
			c := closed(t, &Client{
				TLSConfig: trust(t), Deflate: tc.deflate, SlowCallback: -1,
				OnMessage: func(*conn.Conn, conn.Message) { back <- struct{}{} },
			})
			nc := mustDial(t, c, url)
			payload := make([]byte, 1000)
			echo := func() {
				if err := nc.Send(conn.Binary, payload); err != nil {
					t.Fatal(err)
				}
				<-back
			}
			for range 100 {
				echo()
			}
			if !platform.Native {
				tc.most *= 4 // a record comes in pieces: two of 512 bytes, and the rest
			}
			if n := allocs.PerRun(1000, echo); n > tc.most {
				t.Errorf("%v allocations for an echo", n)
			}
		})
	}
}

// An idle connection holds little more than its one allocation, and no goroutine.
func TestConnection_IdleMemory(t *testing.T) {
	onlyNative(t, "each has a goroutine")
	const connections, most = 2000, 450 // bytes: the connection, what the poller and the wheel have for it
	if n, ok := (platform.Real{}).Sockets().Limit(); ok && n < 3*connections {
		t.Skipf("%d descriptors are not enough", n)
	}
	url := start(t, &server.Server{Limits: server.Limits{MaxConnections: -1}}, false)
	c := closed(t, new(Client))
	dial := func(n int) {
		for range n {
			if _, err := c.Dial(context.Background(), url); err != nil {
				t.Fatal(err)
			}
		}
	}
	dial(200) // pools fill, tables grow
	before, goroutines := liveBytes(), runtime.NumGoroutine()
	dial(connections)
	each := (liveBytes() - before) / connections
	t.Logf("%d bytes for both ends of a connection", each)
	if each > 2*most || runtime.NumGoroutine() > goroutines+10 {
		t.Errorf("%d bytes for both ends, and %d goroutines for %d connections", each, runtime.NumGoroutine()-goroutines, connections)
	}
}

// liveBytes is how many bytes live.
func liveBytes() int64 {
	var m runtime.MemStats
	for range 3 {
		runtime.GC()
	}
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}
