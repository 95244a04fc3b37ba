package server

import (
	"bufio"
	"errors"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/framerail/framerail/conn"
	"github.com/framerail/framerail/frame"
)

// h2stream is a stream of HTTP/2 as a handler of net/http's sees it. bench/http2 has real ones. This one fails the test if
// it is used after the handler has returned, where net/http's would panic.
type h2stream struct {
	t        testing.TB
	own      net.Conn // the handler's end
	client   net.Conn
	header   http.Header
	status   chan int
	wrote    bool
	returned atomic.Bool
	reset    atomic.Pointer[error]
	stalled  chan struct{} // if not nil, the client takes no answer, until it is closed
	closed   chan struct{} // closed when the server has closed the content of the request
	closing  sync.Once
}

func (s *h2stream) use() {
	if s.returned.Load() {
		s.t.Error("a stream is used after the handler has returned")
	}
}

func (s *h2stream) failed(err error) error {
	if why := s.reset.Load(); why != nil && err != nil {
		return *why
	}
	return err
}

func (s *h2stream) Header() http.Header { s.use(); return s.header }

func (s *h2stream) WriteHeader(status int) {
	s.use()
	if !s.wrote {
		s.wrote = true
		s.status <- status
	}
}

func (s *h2stream) Write(b []byte) (int, error) {
	s.use()
	s.WriteHeader(http.StatusOK)
	n, err := s.own.Write(b)
	return n, s.failed(err)
}

func (s *h2stream) Flush() {
	s.use()
	if s.stalled != nil {
		<-s.stalled
	}
}

func (s *h2stream) SetReadDeadline(t time.Time) error { s.use(); return s.own.SetReadDeadline(t) }

// SetWriteDeadline resets the stream once it is over, as net/http's does.
func (s *h2stream) SetWriteDeadline(t time.Time) error {
	s.use()
	if s.stalled != nil && !t.IsZero() && time.Until(t) <= 0 {
		close(s.stalled)
		_ = s.own.Close()
	}
	return s.own.SetWriteDeadline(t)
}

// h2body is the content of the request.
type h2body struct{ *h2stream }

func (b h2body) Read(p []byte) (int, error) {
	b.use()
	n, err := b.own.Read(p)
	return n, b.failed(err)
}

func (b h2body) Close() error {
	b.use()
	b.closing.Do(func() { close(b.closed) })
	return b.own.SetReadDeadline(time.Unix(1, 0))
}

// h2request is an extended CONNECT with more fields.
func h2request(fields ...string) *http.Request {
	r := &http.Request{
		Method: http.MethodConnect, Proto: "HTTP/2.0", ProtoMajor: 2, Host: "example.com", ContentLength: -1,
		URL: &url.URL{Path: "/chat", RawQuery: "room=1"}, RequestURI: "/chat?room=1", RemoteAddr: "192.0.2.7:4711",
		Header: http.Header{":protocol": {"websocket"}, "Sec-Websocket-Version": {"13"}},
	}
	for _, field := range fields {
		name, value, _ := strings.Cut(field, ": ")
		r.Header[name] = []string{value}
	}
	return r
}

// openStream has a handler upgrade a request. ended gets what Upgrade returns, when it does.
func openStream(t testing.TB, s *Server, r *http.Request) (st *h2stream, p *peer, ended chan error) {
	return openStreamOf(t, s, r, nil)
}

// openStreamOf is openStream of a client that takes no answer until stalled is closed.
func openStreamOf(t testing.TB, s *Server, r *http.Request, stalled chan struct{}) (st *h2stream, p *peer, ended chan error) {
	own, client := net.Pipe()
	st = &h2stream{t: t, own: own, client: client, header: make(http.Header), status: make(chan int, 1), stalled: stalled, closed: make(chan struct{})}
	r.Body = h2body{st}
	ended = make(chan error, 1)
	go func() {
		err := s.Upgrade(st, r, nil)
		st.returned.Store(true)
		_ = own.Close()
		ended <- err
	}()
	t.Cleanup(func() { _ = client.Close() })
	_ = client.SetDeadline(time.Now().Add(peerPatience))
	return st, &peer{t, client, bufio.NewReader(client)}, ended
}

// unstarted is a server that gives back all that it took when the test ends.
func unstarted(t testing.TB, s *Server) *Server {
	return startWith(t, s, func() error { return nil })
}

func TestStream_EchoOnTheLoop(t *testing.T) {
	modes(t, func(t *testing.T, d conn.Dispatch) {
		requests := make(chan *http.Request, 1)
		s := unstarted(t, &Server{OnMessage: echo, Dispatch: d, OnConnection: func(c *conn.Conn) {
			r, _ := c.Request()
			requests <- r
		}})
		st, p, ended := openStream(t, s, h2request("Origin: http://example.com"))
		if status := receive(t, st.status); status != http.StatusOK {
			t.Fatalf("status %d", status)
		}
		for _, name := range []string{"Upgrade", "Connection", "Sec-Websocket-Accept"} {
			if st.header[name] != nil {
				t.Errorf("the answer has %s", name)
			}
		}
		for _, n := range []int{0, 1, 1000, 70_000} {
			text := strings.Repeat("x", n)
			go p.text(text)
			p.expectText(text)
		}
		if r := receive(t, requests); r.Method != http.MethodConnect || r.ProtoMajor != 2 || r.URL.Path != "/chat" {
			t.Errorf("the connection has the request %+v", r)
		}
		if n := s.ClientCount(); n != 1 {
			t.Errorf("%d clients", n)
		}
		select {
		case err := <-ended:
			t.Fatalf("Upgrade has returned %v before the end", err)
		default:
		}
		p.close(1000, "")
		p.expectClose(1000)
		p.expectEOF()
		if err := receive(t, ended); err != nil {
			t.Error(err)
		}
		st2 := s.Stats()
		expectAllAccounted(t, st2)
		if st2.Opened != 1 || st2.Causes[CauseClean] != 1 {
			t.Errorf("%+v", st2)
		}
	})
}

func TestStream_AgreesOnSubprotocolAndCompression(t *testing.T) {
	s := unstarted(t, &Server{OnMessage: echo, Subprotocols: []string{"chat"}, Deflate: Deflate{Enabled: true}, Check: func(h *Handshake) error {
		h.Header.Set("X-Check", h.Request.Method)
		h.Value = "checked"
		return nil
	}})
	st, p, ended := openStream(t, s, h2request("Sec-Websocket-Protocol: other, chat", "Sec-Websocket-Extensions: permessage-deflate"))
	receive(t, st.status)
	for name, want := range map[string]string{
		"Sec-WebSocket-Protocol": "chat", "X-Check": "CONNECT",
		"Sec-WebSocket-Extensions": "permessage-deflate; server_no_context_takeover; client_no_context_takeover",
	} {
		if got := st.header.Get(name); got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
	for c := range s.Clients() {
		if c.Subprotocol() != "chat" || c.Value() != "checked" || c.RemoteAddr().String() != "192.0.2.7:4711" {
			t.Errorf("%q, %v, %v", c.Subprotocol(), c.Value(), c.RemoteAddr())
		}
	}
	_ = p.Conn.Close()
	receive(t, ended)
}

func TestStream_Refusals(t *testing.T) {
	s := unstarted(t, &Server{OnMessage: echo})
	for says, test := range map[string]struct {
		r      *http.Request
		status int
		reason Reason
	}{
		"Sec-WebSocket-Version is not 13": {h2request("Sec-Websocket-Version: 12"), 400, ReasonVersion},
		"GODEBUG=http2xconnect=1":         {h2request(), 505, ReasonVersion}, // and below
		":protocol is not websocket":      {h2request(":protocol: connect-udp"), 501, ReasonMalformed},
		"origin is neither":               {h2request("Origin: https://elsewhere.example"), 403, ReasonOrigin},
	} {
		if test.status == 505 {
			test.r.Method = http.MethodGet
			delete(test.r.Header, ":protocol")
		}
		st, p, ended := openStream(t, s, test.r)
		go func() { _, _ = io.Copy(io.Discard, p) }()
		var refused *UpgradeError
		err := receive(t, ended)
		if status := receive(t, st.status); status != test.status || !errors.As(err, &refused) || refused.Status != status || refused.Reason != test.reason {
			t.Errorf("%s: %d, %v", says, status, err)
		}
		if test.reason != ReasonOrigin && !strings.Contains(err.Error(), says) {
			t.Errorf("%v, want it to say %q", err, says)
		}
	}
	expectAllAccounted(t, s.Stats())
}

// bare is a ResponseWriter that can neither flush nor set deadlines.
type bare struct{ s *h2stream }

func (b bare) Header() http.Header         { return b.s.Header() }
func (b bare) WriteHeader(status int)      { b.s.WriteHeader(status) }
func (b bare) Write(p []byte) (int, error) { return b.s.Write(p) }

func TestStream_NeedsAWriterThatFlushes(t *testing.T) {
	s := unstarted(t, &Server{OnMessage: echo})
	own, client := net.Pipe()
	go func() { _, _ = io.Copy(io.Discard, client) }()
	st := &h2stream{t: t, own: own, header: make(http.Header), status: make(chan int, 1), closed: make(chan struct{})}
	r := h2request()
	r.Body = h2body{st}
	err := s.Upgrade(bare{st}, r, nil)
	if status := receive(t, st.status); status != 500 || err == nil || !strings.Contains(err.Error(), "server.bare") {
		t.Errorf("%d, %v", status, err)
	}
	_ = own.Close()
	s.run.admissionIs(t, 0)
}

// What ends a stream is what ends a connection over TCP.
func TestStream_Ends(t *testing.T) {
	reset := errors.New("stream error: stream ID 1; CANCEL")
	for name, test := range map[string]struct {
		end  func(s *Server, st *h2stream, p *peer)
		want Cause
	}{
		"end_of_stream": {func(_ *Server, _ *h2stream, p *peer) { _ = p.Conn.Close() }, CauseEOF},
		"reset": {func(_ *Server, st *h2stream, p *peer) {
			st.reset.Store(&reset)
			_ = p.Conn.Close()
		}, CauseNetwork},
		"abort": {func(s *Server, _ *h2stream, _ *peer) {
			for c := range s.Clients() {
				c.Abort()
			}
		}, CauseAborted},
	} {
		t.Run(name, func(t *testing.T) {
			infos := make(chan conn.CloseInfo, 1)
			s := unstarted(t, &Server{OnMessage: echo, OnClose: func(_ *conn.Conn, info conn.CloseInfo) { infos <- info }})
			st, p, ended := openStream(t, s, h2request())
			receive(t, st.status)
			p.alive()
			test.end(s, st, p)
			info := receive(t, infos)
			if err := receive(t, ended); err != nil {
				t.Error(err)
			}
			if n := s.Stats().Causes[test.want]; n != 1 {
				t.Errorf("closed with %v, want %s", info, test.want)
			}
			if test.want == CauseNetwork && !errors.Is(info.Err, reset) {
				t.Errorf("the reset is lost: %v", info.Err)
			}
		})
	}
}

// A client that does not read keeps Write waiting, and is cut like any other. Upgrade returns then.
func TestStream_AClientThatDoesNotReadIsCut(t *testing.T) {
	s := unstarted(t, &Server{Limits: Limits{Limits: conn.Limits{WriteTimeout: 300 * time.Millisecond}}})
	s.OnConnection = func(c *conn.Conn) {
		for range 20 {
			_ = c.SendBinary(make([]byte, 64<<10))
		}
	}
	s.MaxPending = 4 << 20
	st, _, ended := openStream(t, s, h2request())
	receive(t, st.status)
	if err := receive(t, ended); err != nil {
		t.Error(err)
	}
	if st := s.Stats(); st.Causes[CauseWriteStalled] != 1 {
		t.Errorf("%+v", st.Causes)
	}
}

func TestStream_ShutdownClosesAndUpgradeReturns(t *testing.T) {
	modes(t, func(t *testing.T, d conn.Dispatch) {
		s := unstarted(t, &Server{OnMessage: echo, Dispatch: d})
		st, p, ended := openStream(t, s, h2request())
		receive(t, st.status)
		p.alive()
		p.leavesWith(s)
		if err := receive(t, ended); err != nil {
			t.Error(err)
		}
		st, _, ended = openStream(t, s, h2request())
		go func() { _, _ = io.Copy(io.Discard, st.client) }()
		if status := receive(t, st.status); status != http.StatusServiceUnavailable || !errors.Is(receive(t, ended), ErrServerClosed) {
			t.Errorf("after Shutdown: %d", status)
		}
	})
}

// A client that takes no answer keeps its handler waiting, but not Shutdown. Its stream is reset in the end.
func TestStream_AClientThatTakesNoAnswerDelaysNobody(t *testing.T) {
	parallel(t)
	s := unstarted(t, &Server{OnMessage: echo, Limits: Limits{HandshakeTimeout: 5 * time.Second}})
	st, _, ended := openStreamOf(t, s, h2request(), make(chan struct{}))
	receive(t, st.status)
	if _, err := s.Shutdown(t.Context()); err != nil {
		t.Error(err)
	}
	select {
	case <-st.stalled:
		t.Error("Shutdown has waited for the client")
	default:
	}
	if err := receive(t, ended); !errors.Is(err, ErrServerClosed) {
		t.Errorf("Upgrade: %v", err)
	}
}

// A loop that has ended in between closes a stream that was accepted, with frames.
func TestStream_TurnedAwayGetsACloseFrame(t *testing.T) {
	s := unstarted(t, &Server{OnMessage: echo})
	if _, err := s.runUpgrades(); err != nil {
		t.Fatal(err)
	}
	l := s.run.loops[0]
	own, client := net.Pipe()
	st := &h2stream{t: t, own: own, client: client, header: make(http.Header), status: make(chan int, 1), closed: make(chan struct{})}
	defer client.Close()
	_ = client.SetDeadline(time.Now().Add(peerPatience))
	_ = s.Close()
	receive(t, l.Done())
	r := h2request()
	r.Body = h2body{st}
	a, _, _ := s.run.connOf(r)
	opening, header, refusal := s.run.decideHTTP(a, false, st, r, "")
	if refusal != nil {
		t.Fatal(refusal)
	}
	a.Opening = &opening
	ended := make(chan error, 1)
	go func() {
		_, err := s.run.upgradeStream(a, st, r, header)
		st.returned.Store(true)
		_ = own.Close()
		ended <- err
	}()
	p := &peer{t, client, bufio.NewReader(client)}
	p.expectClose(frame.GoingAway)
	p.expectEOF()
	if err := receive(t, ended); !errors.Is(err, ErrServerClosed) {
		t.Error(err)
	}
}
