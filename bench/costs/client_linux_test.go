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
// buffer is among it. 128 bytes are the state of the reader. The rest is the runtime's, which has stacks by the
// 32 KiB and differs by run. If the reader needed a stack of 4 KiB in place of 2 there would be 2,048 bytes more.
func TestBytesForAConnectionThatWaits(t *testing.T) {
	const conns = 1000
	bar := bar{350, 200}
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
		before := reachable()
		for range conns {
			f()
		}
		waiting.Wait()
		return float64(reachable()-before) / conns
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
