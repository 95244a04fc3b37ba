//go:build linux || darwin || freebsd || netbsd || openbsd || dragonfly

package server_test

import (
	"context"
	"fmt"
	"log"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/framerail/framerail/conn"
	"github.com/framerail/framerail/server"
)

// A check that asks a service, which may take its time: the loop goes on meanwhile, and the
// context ends when the client leaves or the time for it is over.
func ExampleServer_checkDispatch() {
	userOf := func(ctx context.Context, session string) (name string, err error) { // the service
		select {
		case <-time.After(10 * time.Millisecond):
			return strings.TrimPrefix(session, "of-"), nil
		case <-ctx.Done():
			return "", ctx.Err()
		}
	}
	srv := &server.Server{
		Addr: "127.0.0.1:0", Logger: slog.New(slog.DiscardHandler),
		CheckDispatch: conn.OnGoroutines,
		Limits:        server.Limits{MaxChecks: 100, CheckTimeout: 2 * time.Second},
		Check: func(h *server.Handshake) error {
			cookie, err := h.Request.Cookie("session")
			if err != nil {
				return &server.Refusal{Status: http.StatusUnauthorized, Body: "log in first\n"}
			}
			name, err := userOf(h.Request.Context(), cookie.Value)
			if err != nil {
				return err // 403
			}
			h.Header = http.Header{"X-User": {name}}
			return nil
		},
	}
	if err := srv.Start(); err != nil {
		log.Fatal(err)
	}
	defer srv.Close()
	for _, cookie := range []string{"", "session=of-ann"} {
		r, err := http.NewRequest("GET", "http://"+srv.ListenAddr().String(), nil)
		if err != nil {
			log.Fatal(err)
		}
		r.Header = http.Header{
			"Upgrade": {"websocket"}, "Connection": {"Upgrade"}, "Cookie": {cookie},
			"Sec-Websocket-Version": {"13"}, "Sec-Websocket-Key": {"dGhlIHNhbXBsZSBub25jZQ=="},
		}
		resp, err := http.DefaultTransport.RoundTrip(r)
		if err != nil {
			log.Fatal(err)
		}
		fmt.Printf("%d %q\n", resp.StatusCode, resp.Header.Get("X-User"))
		resp.Body.Close()
	}
	http.DefaultClient.CloseIdleConnections()
	// Output:
	// 401 ""
	// 101 "ann"
}

// A program that systemd starts with its sockets, or that is started by hand.
func ExampleActivatedListeners() {
	srv := &server.Server{}
	activated, err := server.ActivatedListeners()
	if err != nil {
		log.Fatal(err)
	}
	for _, ln := range activated {
		go func() { log.Print(ln.Name, ": ", srv.Serve(ln.Listener)) }()
	}
	if len(activated) == 0 {
		srv.Addr = "127.0.0.1:0"
		if err := srv.Start(); err != nil {
			log.Fatal(err)
		}
	}
	fmt.Println(len(activated), "sockets of systemd")
	_ = srv.Close()
	// Output: 0 sockets of systemd
}

// Several sockets on one port, each with its own queue and its own goroutine that accepts.
func ExampleListenReusePort() {
	lns, err := server.ListenReusePort("127.0.0.1:0", 2)
	if err != nil {
		log.Fatal(err)
	}
	srv := &server.Server{}
	ended := make(chan error)
	for _, ln := range lns {
		go func() { ended <- srv.Serve(ln) }()
	}
	fmt.Println(lns[0].Addr().(*net.TCPAddr).Port == lns[1].Addr().(*net.TCPAddr).Port)
	_ = srv.Close()
	fmt.Println(<-ended, <-ended)
	// Output:
	// true
	// framerail: server closed framerail: server closed
}
