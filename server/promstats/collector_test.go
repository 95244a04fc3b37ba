package promstats

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/framerail/framerail/conn"
	"github.com/framerail/framerail/frame"
	"github.com/framerail/framerail/server"
)

// handshake is RFC 6455 1.3's.
const handshake = "GET /chat HTTP/1.1\r\nHost: example.com\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" +
	"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n"

// serve starts an echo server with one loop.
func serve(t *testing.T) *server.Server {
	t.Helper()
	s := &server.Server{
		Addr: "127.0.0.1:0", Loops: 1, Logger: slog.New(slog.DiscardHandler),
		OnMessage: func(c *conn.Conn, m conn.Message) { c.Send(m.Type, m.Payload) },
	}
	if err := s.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

// converse sends a request and what is behind it, and reads until the server has
// closed.
func converse(t *testing.T, s *server.Server, request string) string {
	t.Helper()
	c, err := net.Dial("tcp", s.ListenAddr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	c.SetDeadline(time.Now().Add(time.Minute))
	if _, err := io.WriteString(c, request); err != nil {
		t.Fatal(err)
	}
	answer, err := io.ReadAll(c)
	if err != nil {
		t.Fatal(err)
	}
	return string(answer)
}

// session is a conversation of one message, a ping and a Close frame.
func session() string {
	b := []byte(handshake + "\r\n")
	for _, f := range []struct {
		op      frame.Opcode
		payload string
	}{{frame.Text, "hello"}, {frame.Ping, ""}, {frame.Close, "\x03\xe9"}} {
		b = frame.AppendFrame(b, frame.Header{Fin: true, Opcode: f.op, Masked: true, MaskingKey: 7}, []byte(f.payload))
	}
	return string(b)
}

// counted waits until a conversation and a refusal are counted: clients see the end before the loop has shown its last
// turn.
func counted(t *testing.T, s *server.Server, refused server.Reason) {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(time.Millisecond) {
		if st := s.Stats(); st.Clients == 0 && st.Received.CloseFrames == 1 && st.Refused[refused] == 1 {
			break
		} else if time.Now().After(deadline) {
			t.Fatalf("not all was counted: %+v", st)
		}
	}
}

func TestCollector_ReadsTheServersCounters(t *testing.T) {
	s := serve(t)
	sent := session()
	received := converse(t, s, sent)
	converse(t, s, handshake+"Origin: https://evil.example\r\n\r\n")
	counted(t, s, server.ReasonOrigin)

	expected := fmt.Sprintf(`
# HELP framerail_connections WebSocket connections that are open.
# TYPE framerail_connections gauge
framerail_connections 0
# HELP framerail_connections_accepted_total Connections accepted, whatever became of them.
# TYPE framerail_connections_accepted_total counter
framerail_connections_accepted_total 2
# HELP framerail_connections_closed_total Connections closed, by the side that began and the close code.
# TYPE framerail_connections_closed_total counter
framerail_connections_closed_total{by="peer",code="1001"} 1
# HELP framerail_connections_ended_total Connections closed, by what ended them.
# TYPE framerail_connections_ended_total counter
framerail_connections_ended_total{cause="clean"} 1
# HELP framerail_connections_refused_total Connections that never became a WebSocket, by reason.
# TYPE framerail_connections_refused_total counter
framerail_connections_refused_total{reason="origin"} 1
# HELP framerail_frames_total Frames by opcode, data being text, binary and continuation.
# TYPE framerail_frames_total counter
framerail_frames_total{direction="received",opcode="close"} 1
framerail_frames_total{direction="received",opcode="data"} 1
framerail_frames_total{direction="received",opcode="ping"} 1
framerail_frames_total{direction="received",opcode="pong"} 0
framerail_frames_total{direction="sent",opcode="close"} 1
framerail_frames_total{direction="sent",opcode="data"} 1
framerail_frames_total{direction="sent",opcode="ping"} 0
framerail_frames_total{direction="sent",opcode="pong"} 1
# HELP framerail_messages_total Whole messages, received or taken for sending.
# TYPE framerail_messages_total counter
framerail_messages_total{direction="received"} 1
framerail_messages_total{direction="sent"} 1
# HELP framerail_transferred_bytes_total Bytes read from sockets and written to them, handshakes included.
# TYPE framerail_transferred_bytes_total counter
framerail_transferred_bytes_total{direction="received"} %d
framerail_transferred_bytes_total{direction="sent"} %d
`, len(sent), len(received))
	if err := testutil.CollectAndCompare(New(s), strings.NewReader(expected),
		"framerail_connections", "framerail_connections_accepted_total", "framerail_connections_closed_total",
		"framerail_connections_ended_total", "framerail_connections_refused_total", "framerail_frames_total",
		"framerail_messages_total", "framerail_transferred_bytes_total"); err != nil {
		t.Error(err)
	}
}

// fixed is a source whose figures are known.
type fixed server.Stats

func (f *fixed) Stats() server.Stats { return server.Stats(*f) }

func TestCollector_HistogramIsCumulative(t *testing.T) {
	ls := server.LoopStats{Lag: server.Lag{SlowCallbacks: 1, Turns: 6, Total: 3 * time.Second, Recent: 2 * time.Second}}
	ls.Lag.Buckets[0], ls.Lag.Buckets[2], ls.Lag.Buckets[len(ls.Lag.Buckets)-1] = 3, 2, 1
	expected := `
# HELP framerail_loop_lag_seconds Longest turn of an event loop in the last 10 to 20 seconds.
# TYPE framerail_loop_lag_seconds gauge
framerail_loop_lag_seconds{loop="0"} 2
# HELP framerail_loop_turn_seconds How long an event loop's turns took, which is what others wait for it.
# TYPE framerail_loop_turn_seconds histogram
framerail_loop_turn_seconds_bucket{loop="0",le="0.0001"} 3
framerail_loop_turn_seconds_bucket{loop="0",le="0.001"} 3
framerail_loop_turn_seconds_bucket{loop="0",le="0.005"} 5
framerail_loop_turn_seconds_bucket{loop="0",le="0.01"} 5
framerail_loop_turn_seconds_bucket{loop="0",le="0.05"} 5
framerail_loop_turn_seconds_bucket{loop="0",le="0.1"} 5
framerail_loop_turn_seconds_bucket{loop="0",le="0.5"} 5
framerail_loop_turn_seconds_bucket{loop="0",le="1"} 5
framerail_loop_turn_seconds_bucket{loop="0",le="+Inf"} 6
framerail_loop_turn_seconds_sum{loop="0"} 3
framerail_loop_turn_seconds_count{loop="0"} 6
`
	source := &fixed{Loops: []server.LoopStats{ls}}
	if err := testutil.CollectAndCompare(New(source), strings.NewReader(expected),
		"framerail_loop_lag_seconds", "framerail_loop_turn_seconds"); err != nil {
		t.Error(err)
	}
}

// The pedantic registry checks that what is collected is what is described.
func TestCollector_KeepsPrometheusRules(t *testing.T) {
	s := serve(t)
	converse(t, s, session())
	converse(t, s, "no handshake\r\n\r\n")
	counted(t, s, server.ReasonMalformed)
	registry := prometheus.NewPedanticRegistry()
	if err := registry.Register(New(s)); err != nil {
		t.Fatal(err)
	}
	problems, err := testutil.GatherAndLint(registry)
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range problems {
		t.Errorf("%s: %s", p.Metric, p.Text)
	}
	if families, err := registry.Gather(); err != nil || len(families) != len(ofServer.descs) {
		t.Errorf("%d of %d metrics collected, %v", len(families), len(ofServer.descs), err)
	}
}

func TestCollector_OfAServerThatHasNotStarted(t *testing.T) {
	registry := prometheus.NewPedanticRegistry()
	registry.MustRegister(New(new(server.Server)))
	if _, err := registry.Gather(); err != nil {
		t.Error(err)
	}
}

func ExampleNew() {
	srv := &server.Server{Addr: "127.0.0.1:0"}
	registry := prometheus.NewRegistry()
	registry.MustRegister(New(srv))
	if err := srv.Start(); err != nil {
		fmt.Println(err)
		return
	}
	defer srv.Shutdown(context.Background())

	http.Handle("/metrics", promhttp.HandlerFor(registry, promhttp.HandlerOpts{}))
	// http.ListenAndServe("127.0.0.1:9100", nil)
}
