package costs

import (
	"context"
	"runtime"
	"runtime/metrics"
	"sync"
	"testing"
	"time"

	"github.com/framerail/framerail/client"
	"github.com/framerail/framerail/conn"
)

// TestBytesForAConnectionOfAClient is TestBytesForAConnection for the other end: an idle connection of a client
// costs no more than one of a server.
func TestBytesForAConnectionOfAClient(t *testing.T) {
	const conns = 2000
	bar := bar{220, 40}
	s := serve(t)
	var echoes sync.WaitGroup
	c := &client.Client{OnMessage: func(*conn.Conn, conn.Message) { echoes.Done() }}
	defer c.Close()
	payload := make([]byte, 100)
	echoed := func(n int) {
		for range n {
			ws, err := c.Dial(context.Background(), "ws://"+s.First+"/")
			if err != nil {
				t.Fatal(err)
			}
			echoes.Add(1)
			if err := ws.Send(conn.Binary, payload); err != nil {
				t.Fatal(err)
			}
		}
		echoes.Wait()
	}
	echoed(100)
	before := reachable()
	echoed(conns)
	got := float64(reachable()-before) / conns
	t.Logf("%.1f bytes for each connection", got)
	if got > bar.most+bar.tolerance {
		t.Errorf("%.1f bytes for each connection, at most %.0f and %.0f", got, bar.most, bar.tolerance)
	}
}

// reachable is what a garbage collection leaves, with stacks: the least of some, because what
// net/http has dialled with takes its time to end.
func reachable() (least int) {
	sample := []metrics.Sample{{Name: "/memory/classes/heap/objects:bytes"}, {Name: "/memory/classes/heap/stacks:bytes"}}
	for i := range 10 {
		time.Sleep(20 * time.Millisecond)
		runtime.GC()
		metrics.Read(sample)
		if n := int(sample[0].Value.Uint64() + sample[1].Value.Uint64()); i == 0 || n < least {
			least = n
		}
	}
	return least
}
