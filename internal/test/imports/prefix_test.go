package imports

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"unicode"
)

// worded are the folders of the packages that programs import: what their errors say begins
// with the name of the module, so that it can be told in the log of a program of many.
var worded = []string{"mask", "frame", "frame/deflate", "poller", "conn", "internal/gate", "internal/phase", "internal/session", "internal/transport", "internal/loop", "internal/nethttp", "internal/secure", "internal/memory", "server", "client", "conn/wsjson", "topics"}

func TestErrors_HaveOnePrefix(t *testing.T) {
	for _, dir := range worded {
		files, err := filepath.Glob(filepath.Join("..", "..", "..", dir, "*.go"))
		if err != nil || len(files) == 0 {
			t.Fatal(dir, err)
		}
		for _, name := range files {
			if strings.HasSuffix(name, "_test.go") {
				continue
			}
			set := token.NewFileSet()
			file, err := parser.ParseFile(set, name, nil, 0)
			if err != nil {
				t.Fatal(err)
			}
			ast.Inspect(file, func(n ast.Node) bool {
				call, ok := n.(*ast.CallExpr)
				if !ok || !makesError(call) || len(call.Args) == 0 {
					return true
				}
				words, ok := firstWords(call.Args[0])
				if ok && !strings.HasPrefix(words, "framerail: ") && !strings.HasPrefix(words, "%w") {
					t.Errorf("%v: %q", set.Position(call.Pos()), words)
				}
				if ok && !strings.HasPrefix(words, "%w") && strings.Contains(words, "%w") && slices.ContainsFunc(call.Args[1:], isOurs) {
					t.Errorf("%v: %q, which says it twice", set.Position(call.Pos()), words)
				}
				return true
			})
		}
	}
}

// makesError tells errors.New and fmt.Errorf.
func makesError(call *ast.CallExpr) bool {
	f, ok := call.Fun.(*ast.SelectorExpr)
	if !ok {
		return false
	}
	pkg, ok := f.X.(*ast.Ident)
	return ok && (pkg.Name == "errors" && f.Sel.Name == "New" || pkg.Name == "fmt" && f.Sel.Name == "Errorf")
}

// isOurs tells an error of this module that has a name, such as conn.ErrOnLoop: it has the prefix too.
func isOurs(e ast.Expr) bool {
	switch e := e.(type) {
	case *ast.Ident:
		return len(e.Name) > 3 && strings.EqualFold(e.Name[:3], "err") && unicode.IsUpper(rune(e.Name[3]))
	case *ast.SelectorExpr:
		pkg, ok := e.X.(*ast.Ident)
		return ok && isOurs(e.Sel) && !slices.Contains([]string{"errors", "io", "os", "net", "http"}, pkg.Name)
	}
	return false
}

// The rule itself must be able to fail.
func TestErrors_OnesThatSayItTwice(t *testing.T) {
	for words, want := range map[string]bool{
		"conn.ErrOnLoop": true, "errLate": true, "err": false, "errno": false, "io.ErrUnexpectedEOF": false, "ctx.Err()": false, "context.DeadlineExceeded": false,
	} {
		e, err := parser.ParseExpr(words)
		if err != nil || isOurs(e) != want {
			t.Errorf("%s: %v, %v", words, isOurs(e), err)
		}
	}
}

// firstWords is the text that an expression begins with, if it is there to read.
func firstWords(e ast.Expr) (string, bool) {
	switch e := e.(type) {
	case *ast.BasicLit:
		s, err := strconv.Unquote(e.Value)
		return s, err == nil
	case *ast.BinaryExpr:
		return firstWords(e.X)
	}
	return "", false
}
