package session

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// Every method by which a loop reaches a connection checks which goroutine calls it, before it
// touches anything.
func TestOwned_EveryMethodOfDriverChecks(t *testing.T) {
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	exempt := []string{
		"ID",   // does not change
		"Init", // sets the loop that it checks
	}
	found := 0
	for _, file := range files {
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		f, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range f.Decls {
			fn, ok := d.(*ast.FuncDecl)
			if !ok || !fn.Name.IsExported() || !isMethodOfDriver(fn) || slices.Contains(exempt, fn.Name.Name) {
				continue
			}
			found++
			if !startsWithCheck(fn) {
				t.Errorf("%s: Driver.%s does not begin with d.check()", file, fn.Name.Name)
			}
		}
	}
	if found < 10 {
		t.Errorf("found %d methods only", found)
	}
}

func isMethodOfDriver(fn *ast.FuncDecl) bool {
	if fn.Recv == nil {
		return false
	}
	star, ok := fn.Recv.List[0].Type.(*ast.StarExpr)
	if !ok {
		return false
	}
	name, ok := star.X.(*ast.Ident)
	return ok && name.Name == "Driver"
}

func startsWithCheck(fn *ast.FuncDecl) bool {
	if len(fn.Body.List) == 0 {
		return false
	}
	expr, ok := fn.Body.List[0].(*ast.ExprStmt)
	if !ok {
		return false
	}
	call, ok := expr.X.(*ast.CallExpr)
	if !ok {
		return false
	}
	sel, ok := call.Fun.(*ast.SelectorExpr)
	return ok && sel.Sel.Name == "check"
}
