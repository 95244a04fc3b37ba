package load

import (
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/framerail/framerail/client"
	"github.com/framerail/framerail/conn"
	"github.com/framerail/framerail/server"
)

// A latency counts from when the message was due. A server that stands still delays all that were due meanwhile,
// and not only the one that it stood still with.
func TestRate_LatencyCountsFromWhenAMessageWasDue(t *testing.T) {
	const rate, stall = 1000, 500 * time.Millisecond
	c := config(t, echoes(t, func(c *conn.Conn, n int64, m conn.Message) {
		if n == 100 {
			time.Sleep(stall)
		}
		_ = c.SendMessage(m)
	}), rate)
	c.Rate = rate
	r := finish(t, c)
	if r.Counts.Answered != rate || r.Counts.Errors() != 0 {
		t.Fatalf("%+v, %v", r.Counts, r.Faults)
	}
	// Of the 500 that were due meanwhile, 400 waited for a fifth of it at least, and one for all of it.
	if waited, most := Quantile(r.Latency, 65), time.Duration(r.Latency.Max()); waited < stall/5 || most < stall*9/10 {
		t.Errorf("one in three took %v at least, and the longest %v", waited, most)
	}
}

// Dials are spread over the ramp-up.
func TestRampUp_SpreadsTheDials(t *testing.T) {
	const ramp = 400 * time.Millisecond
	var mu sync.Mutex
	var opened []time.Time
	url := serve(t, &server.Server{
		OnConnection: func(*conn.Conn) {
			mu.Lock()
			defer mu.Unlock()
			opened = append(opened, time.Now())
		},
		OnMessage: func(c *conn.Conn, m conn.Message) { faithful(c, 0, m) },
	})
	c := config(t, url, 10)
	c.Connections, c.RampUp = 5, ramp
	if r := finish(t, c); r.Counts.Opened != 5 || r.Counts.Errors() != 0 {
		t.Fatalf("%+v, %v", r.Counts, r.Faults)
	}
	mu.Lock()
	defer mu.Unlock()
	if took := opened[len(opened)-1].Sub(opened[0]); took < ramp/2 {
		t.Errorf("5 connections within %v", took)
	}
}

// What a run offers and asks for reaches the server.
func TestDialling_ReachesTheServer(t *testing.T) {
	var wrong atomic.Pointer[string]
	url := serve(t, &server.Server{
		Subprotocols: []string{"chat"}, Deflate: server.Deflate{Enabled: true},
		Check: func(h *server.Handshake) error {
			if got := h.Request.Header.Get("X-Token"); got != "secret" {
				wrong.Store(&got)
			}
			return nil
		},
		OnConnection: func(c *conn.Conn) {
			if _, compresses := c.Deflate(); !compresses || c.Subprotocol() != "chat" {
				got := "subprotocol " + c.Subprotocol()
				wrong.Store(&got)
			}
		},
		OnMessage: func(c *conn.Conn, m conn.Message) { faithful(c, 0, m) },
	})
	c := config(t, url, 100)
	c.Header, c.Subprotocols = http.Header{"X-Token": {"secret"}}, []string{"chat"}
	c.Deflate, c.Sizes = client.Deflate{Enabled: true}, sizesOf(t, "2000")
	if r := finish(t, c); r.Counts.Answered != 100 || r.Counts.Errors() != 0 {
		t.Errorf("%+v, %v", r.Counts, r.Faults)
	}
	if got := wrong.Load(); got != nil {
		t.Errorf("the server has seen %q", *got)
	}
}

// A run whose client had no time left, or sent too late, says so.
func TestBottleneck_IsNamed(t *testing.T) {
	for name, c := range map[string]struct {
		cores         float64
		loops         int
		paced, behind int64
		want          string
	}{
		"idle":       {cores: 0.5, loops: 1},
		"busy":       {cores: 0.95, loops: 1, want: "0.95 cores of the 1"},
		"late":       {cores: 0.1, loops: 1, paced: 100, behind: 6, want: "6 % of the messages left more than"},
		"hardly_any": {cores: 0.1, loops: 1, paced: 100, behind: 5},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWatch(&run{Config: Config{Loops: c.loops}}, nil)
			w.result.Client.Cores, w.paced, w.behind = c.cores, c.paced, c.behind
			if got := w.bottleneck(); (got == "") != (c.want == "") || !strings.Contains(got, c.want) {
				t.Errorf("%q, want %q", got, c.want)
			}
		})
	}
}
