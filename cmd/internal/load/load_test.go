package load

import (
	"context"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/coder/websocket"

	"github.com/framerail/framerail/client"
	"github.com/framerail/framerail/conn"
	"github.com/framerail/framerail/server"
)

// patience bounds every wait of these tests; none measures time.
const patience = time.Minute

// serve starts a server, and returns its URL.
func serve(t *testing.T, srv *server.Server) string {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	srv.OriginPatterns = []string{"*"}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = srv.Serve(ln)
	}()
	t.Cleanup(func() {
		srv.Close()
		<-ended
	})
	return "ws://" + ln.Addr().String() + "/"
}

// echoes is an echo server whose messages go through change first. It is given how many came before.
func echoes(t *testing.T, change func(c *conn.Conn, n int64, m conn.Message)) string {
	var n atomic.Int64
	return serve(t, &server.Server{
		OnMessage: func(c *conn.Conn, m conn.Message) { change(c, n.Add(1)-1, m) },
	})
}

func faithful(c *conn.Conn, _ int64, m conn.Message) { _ = c.SendMessage(m) }

// sizesOf is a distribution.
func sizesOf(t *testing.T, text string) Sizes {
	t.Helper()
	s, err := ParseSizes(text, plainSize)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// config is a run of so many messages over one connection.
func config(t *testing.T, url string, messages int64) Config {
	return Config{
		Dialling: Dialling{URL: url, Connections: 1},
		Traffic:  Traffic{Sizes: sizesOf(t, "20")},
		Duration: patience, Messages: messages, Patience: patience,
	}
}

func finish(t *testing.T, c Config) *Result {
	t.Helper()
	r, err := Run(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestEcho_AllComeBack(t *testing.T) {
	url := echoes(t, faithful)
	for name, change := range map[string]func(*Config){
		"closed_loop": func(*Config) {},
		"pipelined":   func(c *Config) { c.Pipeline = 16 },
		"rate":        func(c *Config) { c.Rate = 5000 },
		"binary":      func(c *Config) { c.Binary, c.Sizes = true, sizesOf(t, "uniform:18-3000") },
		"template":    func(c *Config) { c.Template = `{"text":"{}"}` },
		"loops":       func(c *Config) { c.Loops = 3 },
		"long":        func(c *Config) { c.Sizes, c.Pipeline = sizesOf(t, "200000"), 8 },
		"sequence":    func(c *Config) { c.Verify = Sequence },
		"unverified":  func(c *Config) { c.Verify = Nothing },
		"offers":      func(c *Config) { c.Deflate = client.Deflate{Enabled: true} },
	} {
		t.Run(name, func(t *testing.T) {
			c := config(t, url, 400)
			c.Connections = 7
			change(&c)
			r := finish(t, c)
			if r.Counts.Answered != 400 || r.Counts.Errors() != 0 || r.Counts.Opened != 7 {
				t.Errorf("%+v, %v", r.Counts, r.Faults)
			}
			if r.Latency.TotalCount() != 400 || r.Connect.TotalCount() != 7 || r.Latency.Max() <= 0 {
				t.Errorf("%d latencies, %d of dials", r.Latency.TotalCount(), r.Connect.TotalCount())
			}
		})
	}
}

// What a server does wrong is counted, each kind by itself.
func TestEcho_FaultsAreNoticed(t *testing.T) {
	for name, tc := range map[string]struct {
		do   func(c *conn.Conn, n int64, m conn.Message)
		want Counts
	}{
		"wrong_byte": {func(c *conn.Conn, n int64, m conn.Message) {
			if n == 5 {
				m.Payload[19] ^= 1
			}
			_ = c.SendMessage(m)
		}, Counts{Answered: 9, Corrupt: 1}},
		"wrong_sequence": {func(c *conn.Conn, n int64, m conn.Message) {
			if n == 5 {
				m.Payload[0] = '?'
			}
			_ = c.SendMessage(m)
		}, Counts{Answered: 9, Corrupt: 1}},
		"wrong_type": {func(c *conn.Conn, n int64, m conn.Message) {
			if n == 5 {
				m.Type = conn.Binary
			}
			_ = c.SendMessage(m)
		}, Counts{Answered: 9, Corrupt: 1}},
		"too_short": {func(c *conn.Conn, n int64, m conn.Message) {
			if n == 5 {
				m.Payload = m.Payload[:19]
			}
			_ = c.SendMessage(m)
		}, Counts{Answered: 9, Corrupt: 1}},
		"lost": {func(c *conn.Conn, n int64, m conn.Message) {
			if n != 5 {
				_ = c.SendMessage(m)
			}
		}, Counts{Answered: 9, Lost: 1}},
		"twice": {func(c *conn.Conn, n int64, m conn.Message) {
			if n == 5 {
				_ = c.SendMessage(m)
			}
			_ = c.SendMessage(m)
		}, Counts{Answered: 10, Repeated: 1}},
		"unasked": {func(c *conn.Conn, n int64, m conn.Message) {
			_ = c.SendMessage(m)
			if n == 9 {
				_ = c.SendText("the last but one was mine")
			}
		}, Counts{Answered: 10, Unasked: 1}},
		"closed": {func(c *conn.Conn, n int64, m conn.Message) {
			if n == 5 {
				_ = c.Close(4000, "enough")
			}
			_ = c.SendMessage(m)
		}, Counts{Answered: 5, Lost: 5, Closed: 1}},
	} {
		t.Run(name, func(t *testing.T) {
			c := config(t, echoes(t, tc.do), 10)
			c.Pipeline = 10
			r := finish(t, c)
			got := r.Counts
			got.Opened, got.Sent, got.SentBytes, got.Received, got.ReceivedBytes = 0, 0, 0, 0, 0
			if got != tc.want || r.Counts.Sent != 10 {
				t.Errorf("%+v, want %+v", r.Counts, tc.want)
			}
			if name == "closed" && (len(r.Faults) != 1 || !strings.Contains(r.Faults[0].What, "4000 enough")) {
				t.Errorf("faults %v", r.Faults)
			}
		})
	}
}

// The answer to the last message never comes: the wait for it ends.
func TestEcho_TheLastIsLost(t *testing.T) {
	c := config(t, echoes(t, func(c *conn.Conn, n int64, m conn.Message) {
		if n != 9 {
			_ = c.SendMessage(m)
		}
	}), 10)
	c.Patience = 6 * time.Second
	if r := finish(t, c); r.Counts.Lost != 1 || r.Counts.Answered != 9 {
		t.Errorf("%+v", r.Counts)
	}
}

// A server that answers and then reads no more does not finish the closing handshake.
func TestEcho_LateCloseIsNoticed(t *testing.T) {
	release := make(chan struct{})
	var serving sync.WaitGroup
	web := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		serving.Add(1)
		defer serving.Done()
		ws, err := websocket.Accept(w, r, nil)
		if err != nil {
			t.Error(err)
			return
		}
		defer ws.CloseNow()
		for range 10 {
			kind, m, err := ws.Read(context.Background())
			if err == nil {
				err = ws.Write(context.Background(), kind, m)
			}
			if err != nil {
				t.Error(err)
				return
			}
		}
		<-release
	}))
	defer web.Close()
	defer serving.Wait()
	defer close(release)

	c := config(t, strings.Replace(web.URL, "http", "ws", 1), 10)
	c.Patience = 6 * time.Second
	r := finish(t, c)
	if r.Counts.Unclean != 1 || r.Counts.Answered != 10 || r.Counts.Errors() != 1 {
		t.Errorf("%+v, %v", r.Counts, r.Faults)
	}
}

func TestDials_ThatFailAreCounted(t *testing.T) {
	var n atomic.Int32
	url := serve(t, &server.Server{
		OnMessage: func(c *conn.Conn, m conn.Message) { _ = c.SendMessage(m) },
		Check: func(*server.Handshake) error {
			if n.Add(1)%2 == 0 {
				return &server.Refusal{Status: http.StatusForbidden}
			}
			return nil
		},
	})
	c := config(t, url, 8)
	c.Connections = 4
	r := finish(t, c)
	if r.Counts.Opened != 2 || r.Counts.Refused != 2 || r.Counts.Answered != 8 || len(r.Faults) != 1 || r.Faults[0].Count != 2 {
		t.Errorf("%+v, %v", r.Counts, r.Faults)
	}
}

func TestDials_AllFail(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ln.Close()
	if _, err := Run(t.Context(), config(t, "ws://"+ln.Addr().String()+"/", 1)); err == nil || !strings.Contains(err.Error(), "no connection could be made") {
		t.Error(err)
	}
}

// A context that ends stops the sending, and the result is of what was until then.
func TestRun_IsInterrupted(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	c := config(t, echoes(t, func(c *conn.Conn, n int64, m conn.Message) {
		_ = c.SendMessage(m)
		if n == 100 {
			cancel()
		}
	}), 0)
	r, err := Run(ctx, c)
	if err != nil {
		t.Fatal(err)
	}
	if !r.Interrupted || r.Counts.Sent <= 100 || r.Counts.Answered != r.Counts.Sent || r.Counts.Errors() != 0 {
		t.Errorf("interrupted %v, %+v", r.Interrupted, r.Counts)
	}
}
