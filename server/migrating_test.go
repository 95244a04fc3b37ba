package server_test

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"reflect"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/framerail/framerail/client"
	"github.com/framerail/framerail/conn"
	"github.com/framerail/framerail/server"
)

// snippetNames are what the snippets of docs/migrating.md use without declaring it.
const snippetNames = `ctx context.Context, srv *server.Server, cl *client.Client, c *conn.Conn, m conn.Message, w http.ResponseWriter, ` +
	`r *http.Request, h *server.Handshake, v struct{}, p []byte, t conn.MessageType, code frame.CloseCode, reason, url, addr string, ` +
	`info conn.CloseInfo, err error, header http.Header, pm *conn.Prepared, onMessage func(*conn.Conn, conn.Message)`

// TestMigratingSnippetsCompile builds what docs/migrating.md sets beside the calls of other libraries.
func TestMigratingSnippetsCompile(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../docs/migrating.md")
	if err != nil {
		t.Fatal(err)
	}
	var program strings.Builder
	snippets := 0
	for _, line := range strings.Split(string(text), "\n") {
		cells := strings.Split(line, " | ")
		if !strings.HasPrefix(line, "| ") || len(cells) != 2 {
			continue
		}
		for _, match := range regexp.MustCompile("`([^`]+)`").FindAllStringSubmatch(cells[1], -1) {
			code, ok := statement(match[1])
			if !ok {
				t.Errorf("neither code nor a name of ours: %s", match[1])
				continue
			}
			snippets++
			fmt.Fprintf(&program, "func _(%s) {\n{\n%s\n}\n}\n", snippetNames, code)
		}
	}
	if snippets < 80 {
		t.Errorf("%d snippets", snippets)
	}
	imports := "package main\n\nimport (\n"
	for _, path := range []string{
		"context", "encoding/json", "errors", "io", "net/http", "github.com/framerail/framerail/client", "github.com/framerail/framerail/conn",
		"github.com/framerail/framerail/conn/wsjson", "github.com/framerail/framerail/frame", "github.com/framerail/framerail/server",
	} {
		imports += "\t\"" + path + "\"\n"
	}
	whole := imports + ")\n\n" + program.String()
	out, err := command(t, whole).CombinedOutput()
	if err == nil {
		return
	}
	lines := strings.Split(whole, "\n")
	for _, place := range regexp.MustCompile(`main\.go:(\d+):\d+: (.*)`).FindAllStringSubmatch(string(out), -1) {
		n, _ := strconv.Atoi(place[1])
		t.Errorf("%s: %s", lines[n-1], place[2])
	}
	t.Errorf("%v\n%s", err, out)
}

// statement is a snippet as statements that compile if it is right. Names of fields and methods of ours
// are empty statements.
func statement(snippet string) (code string, ok bool) {
	snippet = strings.NewReplacer("{ … }", "{}", ", …", "").Replace(snippet)
	if token.IsIdentifier(snippet) {
		for _, typ := range []reflect.Type{reflect.TypeFor[*server.Server](), reflect.TypeFor[*client.Client](), reflect.TypeFor[*conn.Conn]()} {
			if _, ok := typ.MethodByName(snippet); ok {
				return "", true
			}
			if _, ok := typ.Elem().FieldByName(snippet); ok {
				return "", true
			}
		}
		if strings.Contains(" "+snippetNames, " "+snippet+" ") {
			return "", true
		}
		return "_ = conn." + snippet, true
	}
	if key, _, found := strings.Cut(snippet, ": "); found && token.IsIdentifier(key) {
		if _, ok := reflect.TypeFor[conn.Message]().FieldByName(key); ok {
			return "_ = conn.Message{" + snippet + "}", true
		}
		return "_ = server.Server{" + snippet + "}", true
	}
	if expr, err := parser.ParseExpr(snippet); err == nil {
		if _, ok := expr.(*ast.CallExpr); ok {
			return snippet, true
		}
		if selector, ok := expr.(*ast.SelectorExpr); ok && ast.IsExported(selector.Sel.Name) && !strings.HasPrefix(snippet, "m.") && !strings.HasPrefix(snippet, "info.") {
			if name, ok := selector.X.(*ast.Ident); ok && name.Name != "c" {
				return "var _ " + snippet, true // a type
			}
		}
		return "_ = " + snippet, true
	}
	file, err := parser.ParseFile(token.NewFileSet(), "", "package p\nfunc _() {\n"+snippet+"\n}", 0)
	if err != nil {
		return "", false
	}
	code = snippet
	ast.Inspect(file, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.FuncLit:
			return false
		case *ast.AssignStmt:
			if n.Tok == token.DEFINE {
				for _, name := range n.Lhs {
					code += "\n_ = " + name.(*ast.Ident).Name
				}
			}
		case *ast.RangeStmt:
			code = strings.Replace(code, "{}", "{ _, _ = m, err }", 1)
		}
		return true
	})
	return code, true
}
