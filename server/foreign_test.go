package server

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/framerail/framerail/conn"
	"github.com/framerail/framerail/frame"
)

func TestForeign_SameCallbacks(t *testing.T) {
	onForeigns(t, func(t *testing.T, f foreign) {
		modes(t, func(t *testing.T, d conn.Dispatch) {
			opened, closed := make(chan *conn.Conn, 1), make(chan conn.CloseInfo, 1)
			s := &Server{OnMessage: echo, Dispatch: d, OnConnection: func(c *conn.Conn) { opened <- c },
				OnClose: func(_ *conn.Conn, info conn.CloseInfo) { closed <- info }}
			p := f.serve(t, s)()
			p.send(with("A: b") + masked(frame.Text, true, "glued"))
			p.expectStatus(101)
			p.expectText("glued")
			c := receive(t, opened)
			if (c.TLS() != nil) != f.secure {
				t.Errorf("TLS is %v", c.TLS())
			}
			if got := c.RemoteAddr(); got.IsValid() != f.named || f.named && got.String() != p.LocalAddr().String() {
				t.Errorf("its address is %v", got)
			}
			for _, n := range []int{0, 1, 300, 500, 511, 512, 1000, 16 << 10, 70_000, 256 << 10} {
				text := strings.Repeat("x", n)
				p.text(text)
				p.expectText(text)
			}
			p.drip(masked(frame.Text, true, strings.Repeat("y", 600)))
			p.expectText(strings.Repeat("y", 600))
			p.close(1000, "")
			p.expectClose(1000)
			p.expectEOF()
			p.Close()
			if info := receive(t, closed); !info.Clean() {
				t.Errorf("got %+v", info)
			}
			expectAllAccounted(t, s.Stats())
			s.run.nobody(t)
		})
	})
}

// Descriptors and others share loops, and a program does not see which is which.
func TestForeign_BesideOrdinaryListeners(t *testing.T) {
	var s *Server
	s = start(t, &Server{Loops: 1, OnMessage: func(c *conn.Conn, m conn.Message) {
		for other := range s.Clients() {
			_ = other.Send(m.Type, m.Payload)
		}
	}})
	peers := []*peer{dial(t, s), dial(t, s)}
	for _, kind := range []string{"pipe", "streams", "hidden"} {
		ln, connect, _ := foreigns[kind].listen(t)
		go s.Serve(ln)
		for range 2 {
			nc, err := connect()
			if err != nil {
				t.Fatal(err)
			}
			p := &peer{t, nc, bufio.NewReader(nc)}
			p.handshake()
			peers = append(peers, p)
		}
	}
	eventually(t, "all clients", func() bool { return s.ClientCount() == len(peers) })
	for i, p := range peers {
		text := fmt.Sprint("from ", i)
		p.text(text)
		for _, p := range peers {
			p.expectText(text)
		}
	}
	for _, p := range peers {
		p.close(1000, "")
		p.expectClose(1000)
		p.expectEOF()
		p.Close()
	}
}

func TestForeign_ManyMessagesAtOnce(t *testing.T) {
	onForeigns(t, func(t *testing.T, f foreign) {
		s := &Server{OnMessage: echo}
		connect := f.serve(t, s)
		var all sync.WaitGroup
		for i := range 8 {
			p := connect()
			all.Go(func() {
				p.handshake()
				go func() {
					for k := range 200 {
						p.text(strings.Repeat(fmt.Sprint(i), (k*k*37)%4000))
					}
				}()
				for k := range 200 {
					p.expectText(strings.Repeat(fmt.Sprint(i), (k*k*37)%4000))
				}
			})
		}
		all.Wait()
	})
}

func TestForeign_APeerThatDoesNotReadIsCut(t *testing.T) {
	onForeigns(t, func(t *testing.T, f foreign) {
		if f.shared {
			t.Skip("the streams of the test have no flow control")
		}
		closed := make(chan conn.CloseInfo, 1)
		s := &Server{
			Limits:       Limits{Limits: conn.Limits{WriteTimeout: 500 * time.Millisecond, MaxPending: 32 << 20}},
			OnConnection: func(c *conn.Conn) { _ = c.SendText(strings.Repeat("x", 16<<20)) },
			OnClose:      func(_ *conn.Conn, info conn.CloseInfo) { closed <- info },
		}
		p := f.serve(t, s)()
		p.handshake()
		if info := receive(t, closed); info.Clean() || info.Unsent == 0 {
			t.Errorf("got %+v", info)
		}
		p.expectEnd()
	})
}

// A program that does not get on holds the peer back, with a bounded number of bytes between them.
func TestForeign_APeerIsHeldBack(t *testing.T) {
	f := foreigns["pipe"]
	release := make(chan struct{})
	s := &Server{Dispatch: conn.OnGoroutines, OnMessage: func(*conn.Conn, conn.Message) { <-release },
		Limits: Limits{Limits: conn.Limits{MaxMessageSize: 1 << 10}}}
	p := f.serve(t, s)()
	p.handshake()
	p.SetWriteDeadline(time.Now().Add(300 * time.Millisecond))
	sent, message := 0, masked(frame.Binary, true, strings.Repeat("x", 1000))
	for {
		n, err := io.WriteString(p, message)
		if sent += n; err != nil {
			break
		}
		if sent > 8<<20 {
			t.Fatal("nothing holds the peer back")
		}
	}
	close(release)
}

// A silent peer of no descriptor has the time that others have.
func TestForeign_ASilentPeerIsClosed(t *testing.T) {
	parallel(t)
	onForeigns(t, func(t *testing.T, f foreign) {
		parallel(t)
		s := &Server{Limits: Limits{HandshakeTimeout: 100 * time.Millisecond}}
		if f.secure { // crypto/tls needs some of it
			s.HandshakeTimeout = 10 * time.Second
		}
		p := f.serve(t, s)()
		if f.shared {
			p.send("G") // which opens it
		}
		p.expectEnd()
		s.run.nobody(t)
	})
}

// Requests for the Handler go to net/http over the same connection, and a handshake comes back.
func TestForeign_TheHandlerAndBack(t *testing.T) {
	onForeigns(t, func(t *testing.T, f foreign) {
		s := &Server{OnMessage: echo, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			b, _ := io.ReadAll(r.Body)
			fmt.Fprintf(w, "%s %s %d %t", r.Method, r.URL.Path, len(b), r.TLS != nil)
		})}
		connect := f.serve(t, s)
		for _, size := range []int{0, 5, 600, 100_000} {
			p := connect()
			for range 2 {
				p.send(fmt.Sprintf("POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n", size))
				p.send(strings.Repeat("b", size))
				want := fmt.Sprintf("POST /a %d %t", size, f.secure)
				if got, err := io.ReadAll(p.expectStatus(200).Body); string(got) != want {
					t.Fatalf("got %q, %v; want %q", got, err, want)
				}
			}
			p.handshake() // on the same connection
			p.alive()
			p.text(strings.Repeat("z", 5000))
			p.expectText(strings.Repeat("z", 5000))
		}
		p := connect()
		p.send("GET /a HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
		if _, err := io.ReadAll(p.expectStatus(200).Body); err != nil {
			t.Error(err)
		}
		p.expectEnd()
	})
}

func TestForeign_RefusalsAreRead(t *testing.T) {
	onForeigns(t, func(t *testing.T, f foreign) {
		p := f.serve(t, &Server{})()
		p.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
		p.expectRefusal(http.StatusUpgradeRequired)
	})
}

func TestForeign_ProtocolErrorsAreReported(t *testing.T) {
	onForeigns(t, func(t *testing.T, f foreign) {
		p := f.serve(t, &Server{OnMessage: echo})()
		p.handshake()
		p.send(masked(frame.Text, true, "\xff"))
		p.expectClose(frame.InvalidFramePayloadData)
	})
}

func TestForeign_ShutdownDrains(t *testing.T) {
	onForeigns(t, func(t *testing.T, f foreign) {
		s := &Server{OnMessage: echo}
		p := f.serve(t, s)()
		p.handshake()
		p.alive()
		p.leavesWith(s)
	})
}

// Each connection has a goroutine or two, and no more of them than connections are admitted.
func TestForeign_GoroutinesAreBounded(t *testing.T) {
	f := foreigns["pipe"]
	s := &Server{OnMessage: echo, Limits: Limits{MaxConnections: 5}}
	connect := f.serve(t, s)
	before := relaying()
	for range 5 {
		connect().handshake()
	}
	p := connect()
	p.send(with("A: b"))
	if n := relaying() - before; n < 5 || n > 2*6 {
		t.Errorf("%d goroutines relay 6 connections", n)
	}
	p.expectRefusal(http.StatusServiceUnavailable)
	eventually(t, "the goroutines of what is idle alone", func() bool { return relaying()-before <= 5 })
}

// relaying is how many goroutines relay connections.
func relaying() (n int) {
	for goroutine := range bytes.SplitSeq(stacks(), []byte("\n\n")) {
		if bytes.Contains(goroutine, []byte("internal/relay.(*Conn)")) {
			n++
		}
	}
	return n
}

// Who has no address of IP is not over a unix socket for that: what it says of others is not believed.
func TestForeign_WithoutAnAddressIsNoUnixSocket(t *testing.T) {
	for kind, want := range map[string]string{"pipe": "invalid AddrPort", "unix_hidden": "192.0.2.1:0"} {
		t.Run(kind, func(t *testing.T) {
			opened := make(chan string, 1)
			s := &Server{Proxies: Proxies{Forwarded: Trust{Unix: true}},
				OnConnection: func(c *conn.Conn) { opened <- c.RemoteAddr().String() }}
			p := foreigns[kind].serve(t, s)()
			p.handshake("X-Forwarded-For: 192.0.2.1")
			if got := receive(t, opened); got != want {
				t.Errorf("its address is %s, want %s", got, want)
			}
		})
	}
}
