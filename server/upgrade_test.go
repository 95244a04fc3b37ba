package server

import (
	"context"
	"errors"
	"net"
	"net/http"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/framerail/framerail/conn"
	"github.com/framerail/framerail/frame"
)

func TestUpgrade_EchoOnTheLoop(t *testing.T) {
	modes(t, func(t *testing.T, d conn.Dispatch) {
		s := &Server{OnMessage: echo, Dispatch: d}
		web := serveWeb(t, s, upgrades(s, nil))
		for range 3 {
			p := web.dial(t)
			for _, n := range []int{0, 1, 1000, 70_000} {
				text := strings.Repeat("x", n)
				p.text(text)
				p.expectText(text)
			}
			p.close(1000, "")
			p.expectClose(1000)
			p.expectEOF()
		}
		st := s.Stats()
		expectAllAccounted(t, st)
		if st.Opened != 3 {
			t.Errorf("%d opened", st.Opened)
		}
	})
}

func TestUpgrade_OverAUnixSocket(t *testing.T) {
	s, path := &Server{OnMessage: echo}, filepath.Join(t.TempDir(), "s")
	serveWebOn(t, s, upgrades(s, nil), func() (net.Listener, error) { return net.Listen("unix", path) }).dial(t).alive()
}

// Frames in the same segment as the request are with net/http by then.
func TestUpgrade_KeepsWhatIsBufferedBehindTheRequest(t *testing.T) {
	modes(t, func(t *testing.T, d conn.Dispatch) {
		s := &Server{OnMessage: echo, Dispatch: d}
		web := serveWeb(t, s, upgrades(s, nil))
		p := web.dialRaw(t)
		long := strings.Repeat("y", 2000)
		cut := masked(frame.Text, true, "in two parts")
		p.send(with("A: b") + masked(frame.Text, true, "first") + masked(frame.Text, true, long) + cut[:5])
		p.expectStatus(101)
		p.expectText("first")
		p.expectText(long)
		p.send(cut[5:])
		p.expectText("in two parts")
	})
}

func TestUpgrade_PathsAndWildcards(t *testing.T) {
	modes(t, func(t *testing.T, d conn.Dispatch) {
		s := &Server{Dispatch: d, Path: "/not/looked/at", OnMessage: echo, OnConnection: func(c *conn.Conn) { _ = c.SendText("server's own") }}
		mux := http.NewServeMux()
		mux.HandleFunc("GET /rooms/{room}/{rest...}", func(w http.ResponseWriter, r *http.Request) {
			_ = s.Upgrade(w, r, func(c *conn.Conn) {
				kept, _ := c.Request()
				room := r.PathValue("room") + " and " + kept.PathValue("rest")
				c.OnMessage(func(c *conn.Conn, m conn.Message) { _ = c.SendText(room + ": " + m.String()) })
			})
		})
		mux.Handle("GET /plain", upgrades(s, nil))
		web := serveWeb(t, s, mux)

		p := web.dialRaw(t)
		p.send(replace("/chat?room=1", "/rooms/blue/a/b?c"))
		p.expectStatus(101)
		p.text("hello")
		p.expectText("blue and a/b: hello")

		p = web.dialRaw(t)
		p.send(replace("/chat?room=1", "/plain"))
		p.expectStatus(101)
		p.expectText("server's own")
		p.alive()

		p = web.dialRaw(t)
		p.send(replace("/chat?room=1", "/elsewhere"))
		p.expectStatus(404)
	})
}

func TestUpgrade_RequestIsKeptWhereAskedFor(t *testing.T) {
	modes(t, func(t *testing.T, d conn.Dispatch) {
		s := &Server{Dispatch: d}
		s.OnMessage = func(c *conn.Conn, m conn.Message) {
			if r, ok := c.Request(); !ok {
				_ = c.SendText("none")
			} else {
				_ = c.SendText(r.URL.String() + " " + r.Header.Get("A") + " " + r.RemoteAddr)
			}
		}
		web := serveWeb(t, s, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			_ = s.Upgrade(w, r, func(c *conn.Conn) {
				if r.Header.Get("Keep") != "" {
					c.Request()
				}
			})
		}))
		p := web.dial(t, "A: b", "Keep: 1")
		p.text("")
		p.expectText("/chat?room=1 b " + p.LocalAddr().String())
		p = web.dial(t)
		p.text("")
		p.expectText("none")
	})
}

func TestUpgrade_SendsTheHandlersHeader(t *testing.T) {
	s := &Server{OnMessage: echo, Check: func(h *Handshake) error {
		h.Header = http.Header{"X-B": {"check"}}
		return nil
	}}
	web := serveWeb(t, s, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Set-Cookie", "a=b")
		h.Set("X-B", "handler")
		h.Set("Content-Length", "7") // for any other answer
		h.Set("Connection", "keep-alive")
		_ = s.Upgrade(w, r, nil)
	}))
	p := web.dialRaw(t)
	h := p.handshake().Header
	if h.Get("Set-Cookie") != "a=b" || h.Get("X-B") != "check" || h.Get("Content-Length") != "" || h.Get("Connection") != "Upgrade" {
		t.Errorf("header %v", h)
	}
	p.alive()
}

func TestUpgrade_WrappedResponseWriters(t *testing.T) {
	s, results := &Server{OnMessage: echo}, make(chan error, 1)
	mux := http.NewServeMux()
	mux.HandleFunc("/unwraps", func(w http.ResponseWriter, r *http.Request) {
		results <- s.Upgrade(recording{recording{w}}, r, nil)
	})
	mux.HandleFunc("/hides", func(w http.ResponseWriter, r *http.Request) {
		results <- s.Upgrade(opaque{w}, r, nil)
	})
	web := serveWeb(t, s, mux)
	p := web.dialRaw(t)
	p.send(replace("/chat?room=1", "/unwraps"))
	p.expectStatus(101)
	p.alive()
	if err := receive(t, results); err != nil {
		t.Error(err)
	}
	p = web.dialRaw(t)
	p.send(replace("/chat?room=1", "/hides"))
	p.expectStatus(500)
	if err := receive(t, results); !errors.Is(err, http.ErrNotSupported) {
		t.Errorf("got %v", err)
	}
	expectAllAccounted(t, s.Stats())
	s.run.admissionIs(t, 1)
}

func TestUpgrade_ShutdownDrains(t *testing.T) {
	s, results := &Server{OnMessage: echo}, make(chan error, 1)
	web := serveWeb(t, s, upgrades(s, results))
	p := web.dial(t)
	p.alive()
	if err := receive(t, results); err != nil {
		t.Error(err)
	}
	p.leavesWith(s)
	p = web.dialRaw(t)
	p.send(with("A: b"))
	if resp := p.expectStatus(503); resp.Header.Get("Retry-After") == "" {
		t.Errorf("header %v", resp.Header)
	}
	if err := receive(t, results); !errors.Is(err, ErrServerClosed) {
		t.Errorf("got %v", err)
	}
}

func TestUpgrade_AServerThatListensTakesBoth(t *testing.T) {
	for _, first := range []string{"upgrade", "listener"} {
		t.Run(first, func(t *testing.T) {
			s := &Server{OnMessage: echo}
			web := serveWeb(t, s, upgrades(s, nil))
			if first == "upgrade" {
				web.dial(t).alive()
			}
			if err := s.Start(); err != nil {
				t.Fatal(err)
			}
			if s.ListenAddr() == nil {
				t.Fatal("the listener has no address")
			}
			a, b := web.dial(t), dial(t, s)
			a.alive()
			b.alive()
		})
	}
}

// A callback that ends the loop's goroutine does not cost other clients their place, that are let in
// behind it.
func TestUpgrade_GoexitInOpenHurtsNobodyElse(t *testing.T) {
	s := &Server{OnMessage: echo, Loops: 1}
	web := serveWeb(t, s, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_ = s.Upgrade(w, r, func(*conn.Conn) {
			if r.Header.Get("Exit") != "" {
				runtime.Goexit()
			}
		})
	}))
	for range 5 {
		var in []*peer
		bad := web.dialRaw(t)
		for range 4 {
			in = append(in, web.dialRaw(t))
		}
		bad.send(with("Exit: 1"))
		for _, p := range in {
			p.send(with("A: b"))
		}
		bad.expectStatus(101)
		bad.expectClose(frame.InternalError)
		for _, p := range in {
			p.expectStatus(101)
			p.alive()
		}
	}
}

func TestUpgrade_NetHTTPKeepsNothing(t *testing.T) {
	states := make(chan http.ConnState, 10)
	s := &Server{OnMessage: echo}
	prepare(s)
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	hs := &http.Server{Handler: upgrades(s, nil), ConnState: func(_ net.Conn, st http.ConnState) { states <- st }}
	go hs.Serve(ln)
	defer s.Close()
	p := dialAddr(t, "tcp", ln.Addr().String())
	p.handshake()
	p.alive()
	for receive(t, states) != http.StateHijacked {
	}
	before := runtime.NumGoroutine()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if err := hs.Shutdown(ctx); err != nil {
		t.Errorf("net/http waits for it: %v", err)
	}
	eventually(t, "no goroutine more than before", func() bool { return runtime.NumGoroutine() <= before })
	p.alive() // without net/http
}
