// These tests measure their own process, of which the race detector takes memory for itself. The step
// "costs" of CI runs them without it.

//go:build !race

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

// TestBytesForAConnectionThatWaits counts what a connection takes whose program waits in Receive, after an echo.
// It counts what is beyond a goroutine that waits for a channel, and beyond what every connection takes. No
// buffer is among it, and no stack: whether that has 2 KiB or 4 is the runtime's. 128 bytes are the state of the reader. The rest is the runtime's, which differs by run.
func TestBytesForAConnectionThatWaits(t *testing.T) {
	const conns = 1000
	bar := bar{280, 60}
	s := serve(t)
	called := &client.Client{OnMessage: func(c *conn.Conn, _ conn.Message) { c.Value().(*sync.WaitGroup).Done() }}
	read := new(client.Client)
	var waiting, ended sync.WaitGroup
	defer ended.Wait()
	defer called.Close()
	defer read.Close()
	stop := make(chan struct{})
	defer close(stop)
	goroutine := func() {
		waiting.Add(1)
		ended.Go(func() {
			waiting.Done()
			<-stop
		})
	}
	idle := func() {
		ws := dial(t, called, s.First)
		waiting.Add(1)
		ws.SetValue(&waiting)
		echo(t, ws)
	}
	reader := func() {
		ws := dial(t, read, s.First)
		waiting.Add(1)
		ended.Go(func() {
			for {
				if _, err := ws.Receive(context.Background()); err != nil {
					return
				}
				waiting.Done()
			}
		})
		echo(t, ws)
	}
	each := func(f func()) float64 {
		before := reachableObjects()
		for range conns {
			f()
		}
		waiting.Wait()
		return float64(reachableObjects()-before) / conns
	}
	idle()
	g, c, r := each(goroutine), each(idle), each(reader)
	t.Logf("a goroutine takes %.1f bytes, a connection %.1f, and both with Receive %.1f", g, c, r)
	if got := r - g - c; got > bar.most+bar.tolerance {
		t.Errorf("%.1f bytes beyond them, at most %.0f and %.0f", got, bar.most, bar.tolerance)
	}
}

func dial(t *testing.T, c *client.Client, addr string) *conn.Conn {
	ws, err := c.Dial(context.Background(), "ws://"+addr+"/")
	if err != nil {
		t.Fatal(err)
	}
	return ws
}

func echo(t *testing.T, ws *conn.Conn) {
	if err := ws.Send(conn.Binary, make([]byte, 100)); err != nil {
		t.Fatal(err)
	}
}

// reachable is what a garbage collection leaves, with stacks: the least of some, because what
// net/http has dialled with takes its time to end.
func reachable() int {
	return leastOf("/memory/classes/heap/objects:bytes", "/memory/classes/heap/stacks:bytes")
}

// reachableObjects is reachable without stacks.
func reachableObjects() int { return leastOf("/memory/classes/heap/objects:bytes") }

func leastOf(names ...string) (least int) {
	sample := make([]metrics.Sample, len(names))
	for i, name := range names {
		sample[i].Name = name
	}
	for i := range 10 {
		time.Sleep(20 * time.Millisecond)
		runtime.GC()
		metrics.Read(sample)
		n := 0
		for _, s := range sample {
			n += int(s.Value.Uint64())
		}
		if i == 0 || n < least {
			least = n
		}
	}
	return least
}
