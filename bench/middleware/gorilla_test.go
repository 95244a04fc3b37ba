package middleware

import (
	"compress/gzip"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/handlers"
	"github.com/gorilla/websocket"

	"github.com/framerail/framerail/conn"
	"github.com/framerail/framerail/server"
)

// wrapped serves a handler that upgrades behind middleware.
func wrapped(t *testing.T, wrap func(http.Handler) http.Handler) (url string) {
	srv := &server.Server{
		OnMessage: func(c *conn.Conn, m conn.Message) { _ = c.Send(m.Type, m.Payload) },
		Logger:    slog.New(slog.DiscardHandler),
	}
	web := httptest.NewServer(wrap(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_ = srv.Upgrade(w, r, nil) // which answers
	})))
	t.Cleanup(func() {
		web.Close()
		srv.Close()
	})
	return web.URL
}

var gorillas = map[string]func(http.Handler) http.Handler{
	"none":         func(h http.Handler) http.Handler { return h },
	"compress":     handlers.CompressHandler,
	"logging":      func(h http.Handler) http.Handler { return handlers.LoggingHandler(io.Discard, h) },
	"recovery":     func(h http.Handler) http.Handler { return handlers.RecoveryHandler()(h) },
	"proxyheaders": handlers.ProxyHeaders,
	"all": func(h http.Handler) http.Handler {
		return handlers.LoggingHandler(io.Discard, handlers.CompressHandler(handlers.RecoveryHandler()(handlers.ProxyHeaders(h))))
	},
}

// What a refusal's body is, its header says.
func TestGorilla_RefusalsAreReadable(t *testing.T) {
	for name, wrap := range gorillas {
		t.Run(name, func(t *testing.T) {
			req, err := http.NewRequest(http.MethodGet, wrapped(t, wrap), nil)
			if err != nil {
				t.Fatal(err)
			}
			req.Header.Set("Accept-Encoding", "gzip") // by hand: what comes is not decoded
			resp, err := http.DefaultTransport.RoundTrip(req)
			if err != nil {
				t.Fatal(err)
			}
			defer resp.Body.Close()
			body := io.Reader(resp.Body)
			if resp.Header.Get("Content-Encoding") == "gzip" {
				if body, err = gzip.NewReader(body); err != nil {
					t.Fatal(err)
				}
			}
			text, err := io.ReadAll(body)
			if err != nil || resp.StatusCode != http.StatusUpgradeRequired || !strings.HasPrefix(string(text), "Upgrade does not list websocket") {
				t.Errorf("%s, %v, %q, %v", resp.Status, resp.Header, text, err)
			}
		})
	}
}

func TestGorilla_Upgrades(t *testing.T) {
	for name, wrap := range gorillas {
		t.Run(name, func(t *testing.T) {
			dialer := websocket.Dialer{HandshakeTimeout: time.Minute}
			c, _, err := dialer.Dial("ws"+strings.TrimPrefix(wrapped(t, wrap), "http"), http.Header{"Accept-Encoding": {"gzip"}})
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			_ = c.SetReadDeadline(time.Now().Add(time.Minute))
			if err := c.WriteMessage(websocket.TextMessage, []byte("through")); err != nil {
				t.Fatal(err)
			}
			if _, got, err := c.ReadMessage(); err != nil || string(got) != "through" {
				t.Errorf("%q, %v", got, err)
			}
		})
	}
}
