package server

import (
	"runtime"
	"sync/atomic"
	"testing"

	"github.com/framerail/framerail/conn"
	"github.com/framerail/framerail/frame"
)

// What a callback sends to clients that are idle waits until the loop comes to them. All
// the memory that it takes until then is in BufferBytes, and so in the budget.
func TestBufferBytes_SeeWhatWaitsForIdleClients(t *testing.T) {
	const clients = 400
	var all []*conn.Conn // the loop's
	var bytes atomic.Pointer[func() int64]
	type figures struct{ seen, heap int64 }
	const warm, most = 3, 10 // rounds: in the first the loop's own lists grow, and in any other goroutines may allocate
	rounds := make(chan figures, most)
	s := start(t, &Server{
		Loops:        1,
		OnConnection: func(c *conn.Conn) { all = append(all, c) },
		OnMessage: func(_ *conn.Conn, m conn.Message) {
			var before, after runtime.MemStats
			runtime.GC() // twice, so that nothing lies in a pool
			runtime.GC()
			seen := (*bytes.Load())()
			runtime.ReadMemStats(&before)
			for _, c := range all {
				_ = c.SendBinary(m.Payload)
			}
			runtime.ReadMemStats(&after)
			rounds <- figures{(*bytes.Load())() - seen, int64(after.TotalAlloc - before.TotalAlloc)}
		},
	})
	seen := func() int64 { return held(s) }
	bytes.Store(&seen)
	peers := make([]*peer, clients)
	for i := range peers {
		peers[i] = dial(t, s)
	}
	var f figures
	for round := range most {
		peers[0].send(masked(frame.Binary, true, "a message of 20 byte"))
		for _, p := range peers {
			p.expect(frame.Binary, "a message of 20 byte")
		}
		if f = <-rounds; round >= warm && f.seen >= f.heap*98/100 {
			break
		}
	}
	t.Logf("%d B of heap for each client, BufferBytes see %d", f.heap/clients, f.seen/clients)
	if f.seen < f.heap*98/100 {
		t.Errorf("BufferBytes see %d bytes of the %d that wait", f.seen, f.heap)
	}
	if f.heap > clients*1384/2 {
		t.Errorf("%d B for each client, at most %d", f.heap/clients, 1384/2)
	}
	eventually(t, "nothing to wait any more", func() bool { return held(s) == 0 })
}
