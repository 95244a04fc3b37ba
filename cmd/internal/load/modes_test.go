package load

import (
	"sync"
	"testing"
	"time"

	"github.com/framerail/framerail/conn"
	"github.com/framerail/framerail/server"
)

// room is a server that sends each message to all.
type room struct {
	mu      sync.Mutex
	members map[*conn.Conn]bool
	n       int
}

// open serves a room whose messages go through change, which may drop them. It is given how many
// deliveries there were.
func (r *room) open(t *testing.T, change func(n int, m *conn.Message) bool) string {
	r.members = map[*conn.Conn]bool{}
	return serve(t, &server.Server{
		OnConnection: func(c *conn.Conn) {
			r.mu.Lock()
			defer r.mu.Unlock()
			r.members[c] = true
			_ = c.SendText(`{"welcome":true}`)
		},
		OnClose: func(c *conn.Conn, _ conn.CloseInfo) {
			r.mu.Lock()
			defer r.mu.Unlock()
			delete(r.members, c)
		},
		OnMessage: func(_ *conn.Conn, m conn.Message) {
			r.mu.Lock()
			defer r.mu.Unlock()
			for c := range r.members {
				one := m
				one.Payload = []byte(`{"from":"x","is":` + string(m.Payload) + `}`)
				if change(r.n, &one) {
					_ = c.SendMessage(one)
				}
				r.n++
			}
		},
	})
}

func fanout(t *testing.T, url string) Config {
	c := config(t, url, 20)
	c.Mode, c.Rate, c.Connections, c.Publishers, c.Loops = Fanout, 2000, 6, 2, 2
	c.Template = `{"text":"{}"}`
	return c
}

func TestFanout_EachGetsAll(t *testing.T) {
	r := finish(t, fanout(t, new(room).open(t, func(int, *conn.Message) bool { return true })))
	if r.Counts.Sent != 20 || r.Counts.Answered != 120 || r.Counts.Errors() != 0 || r.Latency.TotalCount() != 120 {
		t.Errorf("%+v, %d latencies", r.Counts, r.Latency.TotalCount())
	}
}

// What is on its way when the time is over is waited for, and not lost.
func TestFanout_WaitsForTheLastDeliveries(t *testing.T) {
	c := fanout(t, new(room).open(t, func(int, *conn.Message) bool { return true }))
	c.Messages, c.Duration = 0, 500*time.Millisecond
	r := finish(t, c)
	if r.Counts.Sent == 0 || r.Counts.Answered != 6*r.Counts.Sent || r.Counts.Lost != 0 {
		t.Errorf("%+v", r.Counts)
	}
}

func TestFanout_FaultsAreNoticed(t *testing.T) {
	c := fanout(t, new(room).open(t, func(n int, m *conn.Message) bool {
		if n == 17 {
			m.Payload[len(m.Payload)-10] ^= 1
		}
		return n != 40 && n != 119 // the last is missing too
	}))
	c.Patience = 6 * time.Second
	r := finish(t, c)
	if r.Counts.Answered != 117 || r.Counts.Corrupt != 1 || r.Counts.Lost < 2 {
		t.Errorf("%+v", r.Counts)
	}
}

func TestSend_CountsWhatIsSent(t *testing.T) {
	var mu sync.Mutex
	got := 0
	url := serve(t, &server.Server{OnMessage: func(_ *conn.Conn, m conn.Message) {
		mu.Lock()
		defer mu.Unlock()
		got++
	}})
	c := config(t, url, 5000)
	c.Mode, c.Connections, c.Sizes = Send, 3, sizesOf(t, "2000")
	r := finish(t, c)
	mu.Lock()
	defer mu.Unlock()
	if r.Counts.Sent != 5000 || got != 5000 || r.Counts.Errors() != 0 || r.Good() != 5000 {
		t.Errorf("the server got %d, %+v", got, r.Counts)
	}
}

// A server that sends once it is asked to, and then closes.
func TestReceive_CountsWhatComes(t *testing.T) {
	url := serve(t, &server.Server{OnMessage: func(c *conn.Conn, m conn.Message) {
		for range 100 {
			_ = c.SendMessage(m)
		}
		_ = c.Close(4001, "that was all")
	}})
	c := config(t, url, 0)
	c.Mode, c.Connections, c.Hello = Receive, 3, []string{"subscribe"}
	r := finish(t, c)
	if r.Counts.Received != 300 || r.Counts.Sent != 0 || r.Counts.Closed != 3 || r.Good() != 300 {
		t.Errorf("%+v, %v", r.Counts, r.Faults)
	}
}

func TestConfig_RefusesWhatCannotBe(t *testing.T) {
	for name, change := range map[string]func(*Config){
		"no_connections": func(c *Config) { c.Connections = 0 },
		"publishers":     func(c *Config) { c.Mode, c.Publishers, c.Rate = Fanout, 2, 1 },
		"no_rate":        func(c *Config) { c.Mode = Fanout },
		"unverified":     func(c *Config) { c.Mode, c.Rate, c.Verify = Fanout, 1, Nothing },
		"hello":          func(c *Config) { c.Hello = []string{"x"} },
		"negative":       func(c *Config) { c.Messages = -1 },
		"pid":            func(c *Config) { c.PID = 999999999 },
	} {
		c := config(t, "ws://127.0.0.1:1/", 1)
		change(&c)
		if _, err := Run(t.Context(), c); err == nil {
			t.Errorf("%s is taken", name)
		}
	}
}
