package main

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"
)

const sample = `package sample

const limit = 4

func f(a, b int, g func()) (n int, err error) {
	if a < b && true {
		g()
		n = a + limit
	}
	for range b {
		defer g()
	}
	return n, nil
}
`

func TestCandidates(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "sample.go"), []byte(sample), 0o600); err != nil {
		t.Fatal(err)
	}
	p := &pkg{ImportPath: module + "/sample", Dir: dir, GoFiles: []string{"sample.go"}}
	all, err := candidates([]*pkg{p})
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, m := range all {
		got = append(got, m.String())
	}
	want := []string{
		"sample/sample.go:3 constant: `4` becomes `5`",
		"sample/sample.go:6 negated: `a < b && true` becomes `!(a < b && true)`",
		"sample/sample.go:6 boundary: `<` becomes `<=`",
		"sample/sample.go:6 logic: `&&` becomes `||`",
		"sample/sample.go:6 constant: `true` becomes `false`",
		"sample/sample.go:7 dropped: `g()` becomes `if false { g() }`",
		"sample/sample.go:8 dropped: `n = a + limit` becomes `if false { n = a + limit }`",
		"sample/sample.go:8 arithmetic: `+` becomes `-`",
		"sample/sample.go:11 dropped: `defer g()` becomes `if false { defer g() }`",
		"sample/sample.go:13 zero result: `n` becomes `*new(int)`",
	}
	if !slices.Equal(got, want) {
		t.Errorf("got\n%q\nwant\n%q", got, want)
	}

	once, again, other := draw(all, 1), draw(all, 1), draw(all, 2)
	if !slices.Equal(once, again) || slices.Equal(once, other) {
		t.Error("the draw does not go by its seed")
	}
	if len(once) != len(all) {
		t.Errorf("%d drawn of %d", len(once), len(all))
	}
}

// patience is more than the tests of a small package take on a busy machine.
const patience = 5 * time.Minute

// A mutation that every test would see, and one that none sees since it changes nothing.
func TestRunner(t *testing.T) {
	root := filepath.Join("..", "..")
	packages, err := listPackages(t.Context(), root)
	if err != nil {
		t.Fatal(err)
	}
	at := slices.IndexFunc(packages, func(p *pkg) bool { return p.name() == "mask" })
	if at < 0 {
		t.Fatal("no package mask")
	}
	p := packages[at]
	file := filepath.Join(p.Dir, "key.go")
	src, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	r := runner{root: root, packages: []*pkg{p}, timeout: patience}
	m := mutation{pkg: p, file: file, start: len(src), end: len(src)}
	for _, c := range []struct {
		code     string
		compiles bool
		caught   bool
	}{
		{"\nfunc nothing() {}\n", true, false},
		{"\nfunc init() { panic(1) }\n", true, true},
		{"\nnothing\n", false, false},
	} {
		m.new = c.code
		compiles, err := r.compiles(t.Context(), m)
		if compiles != c.compiles || err != nil {
			t.Errorf("%q: compiles %v, %v", c.code, compiles, err)
		}
		if !compiles {
			continue
		}
		if by, err := r.caughtBy(t.Context(), m); (by != "") != c.caught || err != nil {
			t.Errorf("%q: caught by %q, %v", c.code, by, err)
		}
	}
}

// Tests that fail anyway have caught nothing.
func TestRunner_TestsThatFailAnyway(t *testing.T) {
	root := t.TempDir()
	for name, content := range map[string]string{
		"go.mod":      "module " + module + "\n\ngo 1.26\n",
		"a.go":        "package a\n\nvar one = 1\n",
		"a_test.go":   "package a\n\nimport \"testing\"\n\nfunc TestOne(t *testing.T) {\n\tif one != 2 {\n\t\tt.Error(one)\n\t}\n}\n",
		"b/b.go":      "package b\n\nvar one = 1\n",
		"b/b_test.go": "package b\n\nimport \"testing\"\n\nfunc TestOne(t *testing.T) {\n\tif one != 1 {\n\t\tt.Error(one)\n\t}\n}\n",
	} {
		path := filepath.Join(root, name)
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o700), os.WriteFile(path, []byte(content), 0o600)); err != nil {
			t.Fatal(err)
		}
	}
	t.Setenv("GOWORK", "off")
	packages, err := listPackages(t.Context(), root)
	if err != nil || len(packages) != 2 {
		t.Fatal(len(packages), err)
	}
	r := runner{root: root, packages: packages, timeout: patience}
	for _, p := range packages {
		file := filepath.Join(p.Dir, p.GoFiles[0])
		at := len("package a\n\nvar one = ")
		by, err := r.caughtBy(t.Context(), mutation{pkg: p, file: file, start: at, end: at + 1, new: "3"})
		if p.name() == "b" && (by == "" || err != nil) || p.name() == "" && (by != "" || err == nil) {
			t.Errorf("%q: caught by %q, %v", p.name(), by, err)
		}
	}
}
