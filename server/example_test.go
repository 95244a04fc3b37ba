//go:build linux || darwin || freebsd || netbsd || openbsd || dragonfly

package server_test

import (
	"bufio"
	"context"
	"encoding/json"
	"expvar"
	"fmt"
	"io"
	"log"
	"log/slog"
	"net"
	"net/http"
	"strings"

	"github.com/framerail/framerail/conn"
	"github.com/framerail/framerail/frame"
	"github.com/framerail/framerail/server"
)

// Everyone is told of everyone. The clients here are sockets and package frame.
func Example() {
	srv := &server.Server{Addr: "127.0.0.1:0"}
	srv.OnConnection = func(c *conn.Conn) {
		r, _ := c.Request()
		name := strings.ToValidUTF8(r.URL.Query().Get("name"), "?") // or the text is not sent
		tell := func(s string) {
			for other := range srv.Clients() { // all but c, until this returns
				_ = other.SendText(s)
			}
		}
		tell(name + " joined")
		c.OnMessage(func(c *conn.Conn, m conn.Message) {
			if m.Type == conn.Text {
				tell(name + ": " + m.String())
			}
		})
	}
	if err := srv.Start(); err != nil {
		log.Fatal(err)
	}
	defer srv.Close()

	ann := dial(srv.ListenAddr(), "ann")
	defer ann.Close()
	ann.send("anyone?")
	fmt.Println(ann.next())
	bob := dial(srv.ListenAddr(), "bob")
	defer bob.Close()
	fmt.Println(ann.next())
	bob.send("me!")
	fmt.Println(ann.next())
	fmt.Println(bob.next())
	// Output:
	// ann: anyone?
	// bob joined
	// bob: me!
	// bob: me!
}

// A check before accepting: which clients may come in, and which subprotocol they speak.
func ExampleServer_check() {
	srv := &server.Server{
		Addr:           "127.0.0.1:0",
		Logger:         slog.New(slog.DiscardHandler),
		Path:           "/chat",
		Subprotocols:   []string{"v2.chat", "v1.chat"},
		OriginPatterns: []string{"https://*.example.com"},
		Check: func(h *server.Handshake) error {
			if h.Request.URL.Query().Get("name") == "" {
				return &server.Refusal{Status: http.StatusUnauthorized, Body: "who are you?\n"}
			}
			h.Header.Set("X-Node", "7")
			return nil
		},
	}
	if err := srv.Start(); err != nil {
		log.Fatal(err)
	}
	defer srv.Close()

	for _, name := range []string{"", "ann"} {
		p := handshake(srv.ListenAddr(), name)
		body, _ := io.ReadAll(p.response.Body)
		fmt.Println(p.response.StatusCode, p.response.Header.Get("X-Node"), strings.TrimSpace(string(body)))
		p.Close()
	}
	// Output:
	// 401  who are you?
	// 101 7
}

// A page and its WebSocket share a port, and end gently together.
func ExampleServer_handler() {
	srv := &server.Server{
		Addr:      "127.0.0.1:0",
		OnMessage: func(c *conn.Conn, m conn.Message) { _ = c.SendMessage(m) },
		Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			_, _ = io.WriteString(w, "the page")
		}),
	}
	if err := srv.Start(); err != nil {
		log.Fatal(err)
	}

	resp, err := http.Get("http://" + srv.ListenAddr().String())
	if err != nil {
		log.Fatal(err)
	}
	defer resp.Body.Close()
	body, _ := io.ReadAll(resp.Body)
	fmt.Println(string(body))

	c := dial(srv.ListenAddr(), "ann")
	c.send("hello")
	fmt.Println(c.next())
	c.Close()

	_, err = srv.Shutdown(context.Background())
	fmt.Println(err)
	// Output:
	// the page
	// hello
	// <nil>
}

// A room each, inside the net/http service that there is already.
func ExampleServer_Upgrade() {
	ws := &server.Server{} // it listens nowhere
	mux := http.NewServeMux()
	mux.HandleFunc("GET /rooms/{room}", func(w http.ResponseWriter, r *http.Request) {
		// On an error the client has its answer, and the log has a line.
		_ = ws.Upgrade(w, r, func(c *conn.Conn) {
			c.OnMessage(func(c *conn.Conn, m conn.Message) {
				_ = c.SendText(r.PathValue("room") + ": " + m.String()) // fails if that is not UTF-8
			})
		})
	})
	mux.HandleFunc("GET /", func(w http.ResponseWriter, r *http.Request) { _, _ = io.WriteString(w, "the page") })

	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		log.Fatal(err)
	}
	web := &http.Server{Handler: mux}
	go web.Serve(ln)

	c := handshakeAt(ln.Addr(), "/rooms/blue")
	c.send("hello")
	fmt.Println(c.next())
	c.Close()

	// net/http no longer knows upgraded connections: the WebSocket server ends those.
	fmt.Println(web.Shutdown(context.Background()))
	_, err = ws.Shutdown(context.Background())
	fmt.Println(err)
	// Output:
	// blue: hello
	// <nil>
	// <nil>
}

// peer is a client as small as can be.
type peer struct {
	net.Conn
	r        *bufio.Reader
	response *http.Response
}

func dial(addr net.Addr, name string) *peer {
	p := handshake(addr, name)
	if p.response.StatusCode != http.StatusSwitchingProtocols {
		log.Fatal(p.response.Status)
	}
	return p
}

func handshake(addr net.Addr, name string) *peer { return handshakeAt(addr, "/chat?name="+name) }

func handshakeAt(addr net.Addr, target string) *peer {
	c, err := net.Dial(addr.Network(), addr.String())
	if err != nil {
		log.Fatal(err)
	}
	fmt.Fprintf(c, "GET %s HTTP/1.1\r\nHost: %s\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"+
		"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n", target, addr)
	p := &peer{Conn: c, r: bufio.NewReader(c)}
	if p.response, err = http.ReadResponse(p.r, nil); err != nil {
		log.Fatal(err)
	}
	return p
}

func (p *peer) send(text string) {
	h := frame.Header{Fin: true, Opcode: frame.Text, Masked: true, MaskingKey: 0x12345678}
	_, _ = p.Write(frame.AppendFrame(nil, h, []byte(text)))
}

// next is the next message, of fewer than 126 bytes.
func (p *peer) next() string {
	head := make([]byte, 2)
	_, _ = io.ReadFull(p.r, head)
	payload := make([]byte, head[1])
	_, _ = io.ReadFull(p.r, payload)
	return string(payload)
}

// A server's counters on the page of package expvar, /debug/vars.
func ExampleServer_Stats() {
	srv := &server.Server{Addr: "127.0.0.1:0"}
	expvar.Publish("framerail", expvar.Func(func() any { return srv.Stats() }))
	if err := srv.Start(); err != nil {
		fmt.Println(err)
		return
	}
	defer srv.Close()

	var page struct{ Clients, Accepted, Pending int }
	err := json.Unmarshal([]byte(expvar.Get("framerail").String()), &page)
	fmt.Printf("%+v %v\n", page, err)
	// Output: {Clients:0 Accepted:0 Pending:0} <nil>
}
