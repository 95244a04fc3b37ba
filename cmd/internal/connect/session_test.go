package connect

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/framerail/framerail/client"
	"github.com/framerail/framerail/conn"
	"github.com/framerail/framerail/internal/test/leaks"
	"github.com/framerail/framerail/server"
)

func TestMain(m *testing.M) { leaks.Main(m) }

// patience bounds every wait of these tests; none measures time.
const patience = time.Minute

// screen is what has been shown.
type screen struct {
	mu      sync.Mutex
	buf     bytes.Buffer
	changed chan struct{}
}

func (s *screen) Write(b []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	select {
	case s.changed <- struct{}{}:
	default:
	}
	return s.buf.Write(b)
}

func (s *screen) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.buf.String()
}

// until waits until text is shown.
func (s *screen) until(t *testing.T, text string) {
	t.Helper()
	timeout := time.After(patience)
	for !strings.Contains(s.String(), text) {
		select {
		case <-s.changed:
		case <-timeout:
			t.Fatalf("%q is not shown in\n%s", text, s.String())
		}
	}
}

// talk is a session that goes on.
type talk struct {
	lines  chan string
	screen *screen
	ended  chan conn.CloseInfo
	cancel context.CancelFunc
}

func newScreen() *screen { return &screen{changed: make(chan struct{}, 1)} }

func serve(t *testing.T, srv *server.Server) string {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = srv.Serve(ln)
	}()
	t.Cleanup(func() {
		srv.Close()
		<-ended
	})
	return "ws://" + ln.Addr().String() + "/"
}

func echo() *server.Server {
	return &server.Server{
		Deflate: server.Deflate{Enabled: true}, Subprotocols: []string{"v1"},
		OnMessage: func(c *conn.Conn, m conn.Message) {
			switch string(m.Payload) {
			case "ping me":
				_ = c.Ping([]byte("are you there"))
			case "bye":
				_ = c.Close(4001, "as you wish")
			case "cut":
				c.Abort()
			default:
				_ = c.SendMessage(m)
			}
		},
		OnPong: func(c *conn.Conn, payload []byte) { _ = c.SendText("you are: " + string(payload)) },
	}
}

func start(t *testing.T, change func(*Session)) *talk {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	k := &talk{lines: make(chan string), screen: newScreen(), ended: make(chan conn.CloseInfo, 1), cancel: cancel}
	t.Cleanup(cancel)
	s := &Session{
		Client: &client.Client{Subprotocols: []string{"v1"}, Deflate: client.Deflate{Enabled: true}},
		URL:    serve(t, echo()), Slash: true,
		Lines: func() (string, error) {
			if line, more := <-k.lines; more {
				return line, nil
			}
			return "", io.EOF
		},
		Show: &Printer{Out: k.screen, Terminal: true, Now: func() time.Time { return time.Date(2026, 1, 2, 3, 4, 5, 6e6, time.UTC) }},
	}
	if change != nil {
		change(s)
	}
	go func() {
		info, err := s.Run(ctx)
		if err != nil {
			t.Error(err)
		}
		k.ended <- info
	}()
	return k
}

func (k *talk) wait(t *testing.T) conn.CloseInfo {
	t.Helper()
	select {
	case info := <-k.ended:
		return info
	case <-time.After(patience):
		t.Fatalf("it goes on:\n%s", k.screen)
		panic("unreachable")
	}
}

func TestSession_ShowsWhatComes(t *testing.T) {
	k := start(t, nil)
	for _, step := range []struct{ line, shown string }{
		{"hello", "03:04:05.006 < text 5 B  hello\n"},
		{"//slash", "< text 6 B  /slash\n"},
		{"\x1b[2J", "< text 4 B  ·[2J\n"},
		{"/binary 00 ff", "< binary 2 B\n00000000  00 ff "},
		{"/binary " + strings.Repeat("41", 600), "… and 88 bytes more\n"},
		{"/ping x", "< pong 1 B  \"x\"\n"},
		{"ping me", "< ping 13 B  \"are you there\"\n"},
		{"", "< text 22 B  you are: are you there\n"},
		{"/pong y", "< text 10 B  you are: y\n"},
		{"", "< text 0 B  \n"},
		{"/binary xyz", "= not sent: /binary wants bytes"},
		{"/frob", "= not sent: there is no /frob: /ping"},
		{"/close many", "= not sent: /close wants a code"},
		{"/close 999", "= not sent: framerail"},
		{"\xff", "= not sent: "},
	} {
		k.lines <- step.line
		k.screen.until(t, step.shown)
	}
	k.lines <- "/close 4000 enough"
	k.screen.until(t, "closed, the server answered 4000")
	if info := k.wait(t); !info.Clean() {
		t.Error(info)
	}
	if s := k.screen.String(); !strings.Contains(s, "= connected to ws://127.0.0.1:") || !strings.Contains(s, "subprotocol v1, permessage-deflate") {
		t.Error(s)
	}
	close(k.lines)
}

func TestSession_EndsWithTheServer(t *testing.T) {
	for line, want := range map[string]string{
		"bye": "closed by the server with 4001 as you wish", "cut": "the connection ended: ",
	} {
		k := start(t, nil)
		k.lines <- line
		k.wait(t)
		k.screen.until(t, want)
		close(k.lines)
	}
}

// The end of the lines, and the end of the context, close the connection.
func TestSession_Closes(t *testing.T) {
	for name, end := range map[string]func(*talk){
		"lines":   func(k *talk) { close(k.lines) },
		"context": func(k *talk) { k.cancel(); close(k.lines) },
	} {
		t.Run(name, func(t *testing.T) {
			k := start(t, nil)
			k.lines <- "hello"
			k.screen.until(t, "hello")
			end(k)
			if info := k.wait(t); info.Received != 1000 {
				t.Error(info)
			}
			k.screen.until(t, "closed, the server answered 1000")
		})
	}
}

// What is raw has payloads and nothing else.
func TestSession_Raw(t *testing.T) {
	problems := newScreen()
	k := start(t, func(s *Session) { s.Show.Raw, s.Show.Err, s.Slash = true, problems, false })
	k.lines <- "/ping"
	k.screen.until(t, "/ping\n")
	k.lines <- "two"
	k.screen.until(t, "/ping\ntwo\n")
	k.lines <- "\xff"
	problems.until(t, "= not sent: framerail: text is not UTF-8")
	close(k.lines)
	k.wait(t)
	if k.screen.String() != "/ping\ntwo\n" {
		t.Errorf("%q", k.screen)
	}
}

func TestSession_Binary(t *testing.T) {
	k := start(t, func(s *Session) { s.Binary = true })
	k.lines <- "hello"
	k.screen.until(t, "< binary 5 B\n00000000  68 65 6c 6c 6f")
	close(k.lines)
	k.wait(t)
}

// As long as something comes, the end of the lines does not close the connection.
func TestSession_Lingers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &Session{came: make(chan struct{}), Linger: time.Second}
		ended := make(chan struct{})
		go func() {
			s.linger(t.Context())
			close(ended)
		}()
		for range 5 {
			time.Sleep(s.Linger - time.Millisecond)
			s.came <- struct{}{}
		}
		last := time.Now()
		<-ended
		if d := time.Since(last); d != s.Linger {
			t.Errorf("it waited for %v, want %v", d, s.Linger)
		}
	})
}

func TestSession_NobodyThere(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ln.Close()
	s := &Session{Client: &client.Client{}, URL: "ws://" + ln.Addr().String() + "/", Show: &Printer{Out: io.Discard}}
	var refused *net.OpError
	if _, err := s.Run(t.Context()); !errors.As(err, &refused) {
		t.Error(err)
	}
}

func TestPiped_Lines(t *testing.T) {
	next := Piped(strings.NewReader("one\n\nthree\r\nlast"))
	for _, want := range []string{"one", "", "three", "last"} {
		if line, err := next(); line != want || err != nil {
			t.Errorf("%q, %v, want %q", line, err, want)
		}
	}
	if _, err := next(); err != io.EOF {
		t.Error(err)
	}
}
