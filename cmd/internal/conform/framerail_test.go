package conform

import (
	"context"
	"io"
	"log/slog"
	"testing"
	"time"

	"github.com/framerail/framerail/conn"
	"github.com/framerail/framerail/frame"
	"github.com/framerail/framerail/server"
)

// modes are the ways in which framerail runs an echo.
var modes = []struct {
	name string
	set  func(*server.Server)
}{
	{"inline", func(srv *server.Server) { srv.OnMessage = echoMessage }},
	{"goroutines", func(srv *server.Server) { srv.OnMessage, srv.Dispatch = echoMessage, conn.OnGoroutines }},
	{"streaming", func(srv *server.Server) { srv.OnStream = echoStream }},
}

func echoMessage(c *conn.Conn, m conn.Message) { _ = c.Send(m.Type, m.Payload) }

func echoStream(c *conn.Conn, r *conn.Reader) {
	w, err := c.NewWriter(r.Type())
	if err == nil {
		_, err = io.Copy(w, r)
	}
	if err == nil {
		err = w.Close()
	}
	if err != nil {
		c.Close(frame.TryAgainLater, "the echo could not be sent")
	}
}

// serveFramerail starts an echo server and returns its URL.
func serveFramerail(t *testing.T, set func(*server.Server)) string {
	t.Helper()
	srv := &server.Server{
		Addr: "127.0.0.1:0", OriginPatterns: []string{"*"}, Overflow: conn.OverflowClose,
		Logger: slog.New(slog.DiscardHandler),
		Limits: server.Limits{MaxMessageSize: 16 << 20, MaxPending: 64 << 20},
	}
	set(srv)
	if err := srv.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { srv.Close() })
	return "ws://" + srv.ListenAddr().String() + "/"
}

func TestFramerailPassesAll(t *testing.T) {
	for _, m := range modes {
		t.Run(m.name, func(t *testing.T) {
			cases, err := Select(Cases(), nil, compressionCases)
			if err != nil {
				t.Fatal(err)
			}
			r := Runner{URL: serveFramerail(t, m.set), Cases: cases, Parallel: 16, Patience: 10 * time.Second}
			report, err := r.Run(context.Background())
			if err != nil {
				t.Fatal(err)
			}
			t.Log(len(report.Results), report.Took)
			for _, res := range report.Results {
				if !res.Passed() || res.Verdict == NonStrict || res.Closing != ClosingOK && res.Closing != ClosingInformational {
					t.Errorf("%s %v %v: %s | %s", res.ID, res.Verdict, res.Closing, res.Came, res.Ended)
				}
			}
		})
	}
}
