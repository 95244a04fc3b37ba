package api

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// misuse is a program that someone could write, and what the go command says to it.
type misuse struct {
	name    string
	imports []string // below the module, unless they are of the standard library
	body    string   // of a function with c *conn.Conn and srv *server.Server
	says    string   // in the error; empty if it must compile
}

// misuses are programs that would reach what belongs to a connection's loop, or mistake one
// thing for another. Each must fail to compile. The first is right and must compile, so that
// the others do not fail for a reason of their own.
var misuses = []misuse{
	{"right", []string{"frame"}, `
		srv.OnMessage = func(c *conn.Conn, m conn.Message) { _ = c.Send(m.Type, m.Payload) }
		_ = c.Close(frame.NormalClosure, "")`, ""},

	// The loop's side of a connection.
	{"conversion to a driver", nil, `(*conn.Driver)(c).Readable()`, "undefined: conn.Driver"},
	{"conversion by hand", nil, `(interface{ Readable() })(c).Readable()`, "missing method Readable"},
	{"driver of a connection", nil, `c.Readable()`, "c.Readable undefined"},
	{"loop", nil, `_ = conn.NewLoop`, "undefined: conn.NewLoop"},
	{"loop's type", nil, `var _ conn.Loop`, "undefined: conn.Loop"},
	{"opening", nil, `var _ conn.Opening`, "undefined: conn.Opening"},
	{"host", nil, `var _ conn.Host`, "undefined: conn.Host"},
	{"scheduler", nil, `var _ conn.Scheduler`, "undefined: conn.Scheduler"},
	{"transport", nil, `var _ conn.Transport`, "undefined: conn.Transport"},
	{"holder", nil, `var _ conn.Holder`, "undefined: conn.Holder"},
	{"would-block", nil, `_ = conn.ErrWouldBlock`, "undefined: conn.ErrWouldBlock"},
	{"held", nil, `_ = conn.ErrHeld`, "undefined: conn.ErrHeld"},
	{"second set of options", nil, `var _ conn.Config`, "undefined: conn.Config"},
	{"field of a connection", nil, `_ = c.mu`, "c.mu undefined"},
	{"field of a server", nil, `_ = srv.mu`, "srv.mu undefined"},
	{"literal of a connection", nil, `_ = conn.Conn{nil}`, "conn.Conn"},
	{"internal/session", []string{"internal/session"}, `(*session.Conn)(c).State()`, "use of internal package"},
	{"internal/transport", []string{"internal/transport"}, `var _ transport.Transport`, "use of internal package"},
	{"internal/test", []string{"internal/test/testcert"}, `srv.TLSConfig = testcert.Config()`, "use of internal package"},

	// One thing for another.
	{"control frame as a message", []string{"frame"}, `_ = c.Send(frame.Ping, nil)`, "cannot use frame.Ping"},
	{"opcode as a message's type", []string{"frame"}, `_ = c.Send(frame.Text, nil)`, "cannot use frame.Text"},
	{"close code by number", nil, `code := 1000; _ = c.Close(code, "")`, "cannot use code"},
	{"text as payload", nil, `_ = c.Send(conn.Text, "text")`, "cannot use \"text\""},
	{"cause as a refusal's reason", nil, `var _ server.Reason = server.CauseIdle`, "cannot use server.CauseIdle"},
}

// program writes the program of a row.
func (m misuse) program() string {
	imports := map[string]bool{"conn": true, "server": true}
	for _, path := range m.imports {
		imports[path] = true
	}
	var b strings.Builder
	b.WriteString("package p\n\nimport (\n")
	for path := range imports {
		if !isStandard(path) {
			path = module + "/" + path
		}
		fmt.Fprintf(&b, "\t%q\n", path)
	}
	fmt.Fprintf(&b, ")\n\nfunc F(c *conn.Conn, srv *server.Server) {\n%s\n}\n", m.body)
	return b.String()
}

func isStandard(path string) bool {
	_, err := os.Stat(filepath.Join(root, path))
	return err != nil
}

// A program outside of this module is all that can show what one can do: the go command
// itself keeps it from internal packages.
func TestMisuse_DoesNotCompile(t *testing.T) {
	dir := outside(t)
	for i, m := range misuses {
		folder := filepath.Join(dir, fmt.Sprintf("p%d", i))
		if err := os.Mkdir(folder, 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(folder, "p.go"), []byte(m.program()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	all, err := goList(dir, []string{"GOWORK=off", "GOFLAGS=-mod=mod"}, "./...")
	if err != nil {
		t.Fatal(err)
	}
	said := map[string]string{}
	for _, l := range all {
		for _, e := range append(l.DepsErrors, l.Error) {
			if e != nil {
				said[l.ImportPath] += e.Err + "\n"
			}
		}
	}
	for i, m := range misuses {
		errors := said[fmt.Sprintf("example.com/p%d", i)]
		switch {
		case m.says == "" && errors != "":
			t.Errorf("%s: does not compile:\n%s", m.name, errors)
		case m.says != "" && !strings.Contains(errors, m.says):
			t.Errorf("%s: want an error with %q, got %q", m.name, m.says, errors)
		}
	}
}

// outside makes a module that requires this one as it lies here.
func outside(t *testing.T) (dir string) {
	t.Helper()
	dir = t.TempDir()
	here, err := filepath.Abs(root)
	if err != nil {
		t.Fatal(err)
	}
	mod, err := os.ReadFile(filepath.Join(root, "go.mod"))
	if err != nil {
		t.Fatal(err)
	}
	sum, err := os.ReadFile(filepath.Join(root, "go.sum"))
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(mod), "\n")
	own := fmt.Sprintf("module example.com\n%s\nrequire %s v0.0.0\n\nreplace %s => %q\n", rest, module, module, here)
	for name, content := range map[string]string{"go.mod": own, "go.sum": string(sum)} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}
