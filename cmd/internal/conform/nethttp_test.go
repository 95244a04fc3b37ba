package conform

import (
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
	eachThroughNetHTTP(t, server.Deflate{}, func(t *testing.T, r Runner) {
		r.Cases, r.Parallel = cases, 16
		report, err := r.Run(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		expectPassed(t, report.Results)
	})
}

// And with compression it comes to the same as without net/http. All cases are played by hand, with
// the command; these are of every kind, and short.
func TestFramerailCompressesThroughNetHTTP(t *testing.T) {
	cases, err := Select(Cases(), []string{"12.1.[1-3]", "13.?.1", "deflate.1.[147]", "deflate.[2-4].*"}, nil)
	if err != nil {
		t.Fatal(err)
	}
	takeover := server.Deflate{Enabled: true, ServerTakeover: true, ClientTakeover: true}
	eachThroughNetHTTP(t, takeover, func(t *testing.T, r Runner) {
		r.Cases, r.Parallel, r.Messages = cases, 4, 2
		report, err := r.Run(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range report.Results {
			if !r.Passed() {
				t.Errorf("%s %v %v: %s; %s", r.ID, r.Verdict, r.Closing, r.Came, r.Ended)
			}
		}
		expectIn(t, "compression-takeover.txt", report.Results)
	})
}

// eachThroughNetHTTP runs f with a runner for an echo that net/http upgrades, in each way.
func eachThroughNetHTTP(t *testing.T, deflate server.Deflate, f func(t *testing.T, r Runner)) {
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
			serveThroughNetHTTP(t, way.wrap(ln), deflate)
			f(t, Runner{
				URL: way.scheme + "://" + ln.Addr().String() + "/", Patience: 30 * time.Second,
				TLS: &tls.Config{InsecureSkipVerify: true},
			})
		})
	}
}

// serveThroughNetHTTP upgrades every request to an echo.
func serveThroughNetHTTP(t *testing.T, ln net.Listener, deflate server.Deflate) {
	srv := &server.Server{
		OriginPatterns: []string{"*"}, Overflow: conn.OverflowClose, OnMessage: echoMessage, Deflate: deflate,
		Logger: slog.New(slog.DiscardHandler),
		Limits: server.Limits{Limits: conn.Limits{MaxMessageSize: 16 << 20, MaxPending: 64 << 20}},
	}
	if deflate.Enabled {
		srv.DeflateThreshold = -1
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
