package poller

import (
	"bytes"
	"errors"
	"go/ast"
	"go/parser"
	"go/printer"
	"go/token"
	"slices"
	"strings"
	"testing"
)

// The platform files are one file with different system calls in it: the same
// functions, with the same signatures, in the same order.
func TestPlatforms_have_the_same_functions(t *testing.T) {
	want := signatures(t, "poller_epoll.go")
	if len(want) == 0 {
		t.Fatal("poller_epoll.go has no functions")
	}
	for _, file := range []string{"poller_kqueue.go", "poller_unsupported.go"} {
		if got := signatures(t, file); !slices.Equal(got, want) {
			t.Errorf("%s has\n\t%q\npoller_epoll.go has\n\t%q", file, got, want)
		}
	}
}

func TestErrUnsupported_names_the_systems_that_work(t *testing.T) {
	if !errors.Is(ErrUnsupported, errors.ErrUnsupported) {
		t.Error("errors.Is does not see errors.ErrUnsupported")
	}
	for _, system := range []string{"linux", "darwin", "freebsd", "netbsd", "openbsd", "dragonfly"} {
		if !strings.Contains(ErrUnsupported.Error(), system) {
			t.Errorf("%q does not name %s", ErrUnsupported, system)
		}
	}
	p, err := New()
	if err == nil {
		p.Close()
	} else if err != ErrUnsupported {
		t.Errorf("New: %v", err)
	}
}

// signatures lists the functions of a file, without their bodies and comments.
func signatures(t *testing.T, file string) []string {
	t.Helper()
	files := token.NewFileSet()
	parsed, err := parser.ParseFile(files, file, nil, parser.SkipObjectResolution)
	if err != nil {
		t.Fatal(err)
	}
	var list []string
	for _, decl := range parsed.Decls {
		f, ok := decl.(*ast.FuncDecl)
		if !ok {
			continue
		}
		var b bytes.Buffer
		if err := printer.Fprint(&b, files, &ast.FuncDecl{Recv: f.Recv, Name: f.Name, Type: f.Type}); err != nil {
			t.Fatal(err)
		}
		list = append(list, b.String())
	}
	return list
}
