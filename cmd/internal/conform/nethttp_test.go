package conform

import (
	"context"
	"crypto/tls"
	"io"
	"log"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/framerail/framerail/conn"
	"github.com/framerail/framerail/server"
)

// Through net/http framerail passes the cases as well: upgraded from plain connections, from
// TLS that moves to the event loop, and from TLS that is bridged to it. What takes long is left
// out, and compression, which is not turned on. So is a request of 10,000 lines: net/http bounds
// heads by their bytes alone. With -short, and under the race detector, it is a few cases.
func TestFramerailPassesThroughNetHTTP(t *testing.T) {
	var only []string
	if quick() {
		only = []string{"1.*", "5.*", "7.*", "handshake.*"}
	}
	cases, err := Select(Cases(), only, []string{"9.*", "12.*", "13.*", "deflate.*", "bytes.*", "attack.*", "handshake.62"})
	if err != nil {
		t.Fatal(err)
	}
	https := httptest.NewTLSServer(nil) // for its certificate
	defer https.Close()
	config := &tls.Config{Certificates: https.TLS.Certificates}
	for _, way := range []struct {
		name, scheme string
		wrap         func(net.Listener) net.Listener
	}{
		{"plain", "ws", func(ln net.Listener) net.Listener { return ln }},
		{"tls", "wss", func(ln net.Listener) net.Listener { return tls.NewListener(server.UpgradeListener(ln), config) }},
		{"tls_bridged", "wss", func(ln net.Listener) net.Listener { return tls.NewListener(ln, config) }},
	} {
		t.Run(way.name, func(t *testing.T) {
			ln, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			serveThroughNetHTTP(t, way.wrap(ln))
			r := Runner{
				URL: way.scheme + "://" + ln.Addr().String() + "/", Cases: cases, Parallel: 16, Patience: 30 * time.Second,
				TLS: &tls.Config{InsecureSkipVerify: true},
			}
			report, err := r.Run(context.Background())
			if err != nil {
				t.Fatal(err)
			}
			for _, r := range report.Results {
				if !r.Passed() || r.Verdict == NonStrict || r.Verdict == Unimplemented || r.Closing == ClosingByClient {
					t.Errorf("%s: %v, closing %v: %s | %s", r.ID, r.Verdict, r.Closing, r.Came, r.Ended)
				}
			}
		})
	}
}

// serveThroughNetHTTP upgrades every request to an echo.
func serveThroughNetHTTP(t *testing.T, ln net.Listener) {
	srv := &server.Server{
		OriginPatterns: []string{"*"}, Overflow: conn.OverflowClose, OnMessage: echoMessage,
		Logger: slog.New(slog.DiscardHandler),
		Limits: server.Limits{MaxMessageSize: 16 << 20, MaxPending: 64 << 20},
	}
	hs := &http.Server{
		Handler:  http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { _ = srv.Upgrade(w, r, nil) }),
		ErrorLog: log.New(io.Discard, "", 0),
	}
	served := make(chan error, 1)
	go func() { served <- hs.Serve(ln) }()
	t.Cleanup(func() {
		_ = hs.Close()
		<-served
		_ = srv.Close()
	})
}
