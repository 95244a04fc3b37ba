package server

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/framerail/framerail/conn"
)

// runtimeTimers are the functions and methods that make or move a runtime timer.
var runtimeTimers = []string{"After", "AfterFunc", "NewTimer", "NewTicker", "Tick", "Sleep",
	"SetDeadline", "SetReadDeadline", "SetWriteDeadline"}

// mayUse are the files that may call them, none of which does so for a connection.
var mayUse = map[string]string{
	"poller/poller_epoll.go":            "one for a loop, on which it sleeps",
	"internal/platform/real.go":         "acceptors that pause, and callers of Shutdown",
	"internal/nethttp/limited.go":       "a net.Conn that net/http has for the Handler, on its goroutine",
	"internal/loop/watchdog.go":         "one for a server",
	"internal/loop/monitor.go":          "one for a server",
	"internal/session/workers.go":       "one for a loop whose callbacks run on goroutines",
	"internal/relay/closing.go":         "a net.Conn at its end, which may be stuck",
	"internal/relay/conn.go":            "a net.Conn that is new, and may have deadlines, which are cleared",
	"internal/relay/lent.go":            "a net.Conn that net/http had",
	"internal/relay/sleeper.go":         "one for a loop, on which it sleeps",
	"internal/nethttp/stream.go":        "a stream that stays net/http's, at its end",
	"internal/nethttp/answer.go":        "a net.Conn of net/http's that is refused",
	"internal/nethttp/proxylistener.go": "a net.Conn of net/http's, until its PROXY header has come",
}

// The timers of connections are on their loop's wheel: neither conn nor server nor
// what is below them makes a runtime timer for one.
func TestTimers_NoneOfTheRuntimeForAConnection(t *testing.T) {
	met := make(map[string]bool)
	for _, dir := range []string{"conn", "internal/session", "frame", "server", "poller", "internal/loop", "internal/platform", "internal/relay", "internal/gate", "internal/nethttp", "internal/memory", "internal/socket", "internal/wheel", "internal/handshake"} {
		sources, err := filepath.Glob(filepath.Join("..", filepath.FromSlash(dir), "*.go"))
		if err != nil || len(sources) == 0 {
			t.Fatalf("%s: %d files, %v", dir, len(sources), err)
		}
		for _, path := range sources {
			if strings.HasSuffix(path, "_test.go") {
				continue
			}
			name := dir + "/" + filepath.Base(path)
			for _, pos := range callsOf(t, path, runtimeTimers) {
				met[name] = true
				if mayUse[name] == "" {
					t.Errorf("%v: a runtime timer", pos)
				}
			}
		}
	}
	for name := range mayUse {
		if !met[name] {
			t.Errorf("%s uses none", name)
		}
	}
}

// callsOf finds where a file calls any function or method of these names.
func callsOf(t *testing.T, path string, names []string) (at []token.Position) {
	t.Helper()
	files := token.NewFileSet()
	f, err := parser.ParseFile(files, path, nil, parser.SkipObjectResolution)
	if err != nil {
		t.Fatal(err)
	}
	ast.Inspect(f, func(n ast.Node) bool {
		if call, ok := n.(*ast.CallExpr); ok {
			if sel, ok := call.Fun.(*ast.SelectorExpr); ok && slices.Contains(names, sel.Sel.Name) {
				if base, ok := sel.X.(*ast.Ident); strings.HasPrefix(sel.Sel.Name, "Set") || ok && base.Name == "time" {
					at = append(at, files.Position(call.Pos()))
				}
			}
		}
		return true
	})
	return at
}

// A connection has one timer from the accept to its end, in whatever state it is.
func TestTimers_OneForEachConnection(t *testing.T) {
	onceInTime(t, func() bool { return oneTimerEach(t) })
}

// oneTimerEach returns false if the machine was too slow: who has its refusal is gone after two seconds.
func oneTimerEach(t *testing.T) (inTime bool) {
	s := start(t, &Server{OnMessage: echo, Limits: Limits{Limits: conn.Limits{CloseTimeout: time.Minute}}})
	asking, open, closing := dialRaw(t, s), dial(t, s), dial(t, s)
	open.alive()
	for c := range s.Clients() {
		if c.RemoteAddr().String() == closing.LocalAddr().String() {
			_ = c.Close(1000, "")
		}
	}
	closing.expectClose(1000)
	began := time.Now()
	refused := dialRaw(t, s)
	refused.send("POST / HTTP/1.1\r\nHost: a\r\n\r\n")
	refused.expectStatus(405)
	armed := func(n int) func() bool { return func() bool { return s.Stats().Timers == n } }
	eventually(t, "a timer for each of 4", func() bool {
		inTime = armed(4)()
		return inTime || time.Since(began) > 1500*time.Millisecond
	})
	for _, p := range []*peer{asking, refused, open, closing} {
		p.Close()
	}
	eventually(t, "none to be left", armed(0))
	return inTime
}
