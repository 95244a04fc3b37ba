package routers

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/framerail/framerail/frame"
	"github.com/framerail/framerail/server"
)

var routers = map[string]func(*server.Server) http.Handler{"std": Std, "chi": Chi, "gin": Gin, "echo": Echo}

func TestRouters_UpgradeAtAWildcard(t *testing.T) {
	for name, router := range routers {
		t.Run(name, func(t *testing.T) {
			ws := &server.Server{Logger: slog.New(slog.DiscardHandler)}
			web := httptest.NewServer(router(ws))
			defer web.Close()
			for _, room := range []string{"blue", "red"} {
				c, resp := ask(t, web, "/rooms/"+room, "13")
				if resp.StatusCode != http.StatusSwitchingProtocols {
					t.Fatal(resp.Status)
				}
				say(t, c, "hello")
				if got, want := hear(t, c), room+": hello"; got != want {
					t.Errorf("got %q, want %q", got, want)
				}
			}
			if n := ws.ClientCount(); n != 2 {
				t.Errorf("%d clients", n)
			}
			ctx, cancel := context.WithCancel(context.Background())
			cancel() // these clients do not answer a Close
			if drained, _ := ws.Shutdown(ctx); drained.Forced != 2 {
				t.Errorf("got %+v", drained)
			}
		})
	}
}

func TestRouters_RefusalsAreAnswered(t *testing.T) {
	for name, router := range routers {
		t.Run(name, func(t *testing.T) {
			ws := &server.Server{Logger: slog.New(slog.DiscardHandler)}
			defer ws.Close()
			web := httptest.NewServer(router(ws))
			defer web.Close()
			_, resp := ask(t, web, "/rooms/blue", "8")
			body, err := io.ReadAll(resp.Body)
			if resp.StatusCode != http.StatusUpgradeRequired || resp.Header.Get("Sec-WebSocket-Version") != "13" || len(body) == 0 || err != nil {
				t.Errorf("got %s, %v, %q, %v", resp.Status, resp.Header, body, err)
			}
			if _, resp := ask(t, web, "/elsewhere", "13"); resp.StatusCode != http.StatusNotFound {
				t.Errorf("got %s", resp.Status)
			}
		})
	}
}

type client struct {
	net.Conn
	r *bufio.Reader
}

// ask sends a handshake of that version.
func ask(t *testing.T, web *httptest.Server, path, version string) (client, *http.Response) {
	t.Helper()
	nc, err := net.Dial("tcp", web.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { nc.Close() })
	_ = nc.SetDeadline(time.Now().Add(20 * time.Second))
	fmt.Fprintf(nc, "GET %s HTTP/1.1\r\nHost: example.com\r\nAccept-Encoding: gzip\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"+
		"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: %s\r\n\r\n", path, version)
	c := client{nc, bufio.NewReader(nc)}
	resp, err := http.ReadResponse(c.r, nil)
	if err != nil {
		t.Fatal(err)
	}
	return c, resp
}

func say(t *testing.T, c client, text string) {
	t.Helper()
	h := frame.Header{Fin: true, Opcode: frame.Text, Masked: true, MaskingKey: 0x12345678}
	if _, err := c.Write(frame.AppendFrame(nil, h, []byte(text))); err != nil {
		t.Fatal(err)
	}
}

// hear reads a message of fewer than 126 bytes.
func hear(t *testing.T, c client) string {
	t.Helper()
	head := make([]byte, 2)
	if _, err := io.ReadFull(c.r, head); err != nil {
		t.Fatal(err)
	}
	payload := make([]byte, head[1])
	if _, err := io.ReadFull(c.r, payload); err != nil {
		t.Fatal(err)
	}
	return string(payload)
}
