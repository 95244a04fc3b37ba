package server

import (
	"net"
	"net/http"
	"testing"
)

// web is a server whose connections are upgraded by an http.Server's handlers.
type web struct {
	*Server
	ln net.Listener
}

// serveWeb serves a handler on a free port.
func serveWeb(t testing.TB, s *Server, h http.Handler) *web {
	t.Helper()
	return serveWebOn(t, s, h, listenLocally)
}

func listenLocally() (net.Listener, error) { return net.Listen("tcp", "127.0.0.1:0") }

// serveWebOn serves a handler. With the test everything ends, and must then have given
// back what it took.
func serveWebOn(t testing.TB, s *Server, h http.Handler, listen func() (net.Listener, error)) *web {
	t.Helper()
	before := census(t)
	prepare(s)
	ln, err := listen()
	if err != nil {
		t.Fatal(err)
	}
	hs := &http.Server{Handler: h}
	done := make(chan error, 1)
	go func() { done <- hs.Serve(ln) }()
	t.Cleanup(func() {
		_ = hs.Close()
		<-done
		if err := within(t, "Close", s.Close); err != nil {
			t.Error(err)
		}
		expectNothingHeld(t, s)
		if now, ok := before.comesBack(t); !ok {
			t.Errorf("%v before the server, %v after\n%s", before, now, stacks())
		}
	})
	return &web{s, ln}
}

func (w *web) dialRaw(t testing.TB) *peer {
	return dialAddr(t, w.ln.Addr().Network(), w.ln.Addr().String())
}

func (w *web) dial(t testing.TB, headers ...string) *peer {
	p := w.dialRaw(t)
	p.handshake(headers...)
	return p
}

// upgrades upgrades every request, and passes on what Upgrade returns.
func upgrades(s *Server, results chan<- error) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		err := s.Upgrade(w, r, nil)
		if results != nil {
			results <- err
		}
	})
}

// admissionIs fails unless that many connections come to be counted.
func (r *running) admissionIs(t testing.TB, want int) {
	t.Helper()
	eventually(t, "the admission's count", func() bool {
		open, _, _ := r.gate.Counted()
		return open == want
	})
}

// recording is a ResponseWriter as middleware wraps it.
type recording struct{ http.ResponseWriter }

func (r recording) Unwrap() http.ResponseWriter { return r.ResponseWriter }

// opaque is one that hides what it wraps.
type opaque struct{ http.ResponseWriter }

// odd is a connection that may be more than its socket.
type odd struct{ *net.TCPConn }

type oddListener struct{ net.Listener }

func listenOddly() (net.Listener, error) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	return oddListener{ln}, err
}

func (l oddListener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return odd{c.(*net.TCPConn)}, nil
}
