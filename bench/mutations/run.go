package main

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"
)

// module is the library's.
const module = "github.com/framerail/framerail"

// servesTests tells the packages that are not mutated: they are tests, or serve tests alone.
func servesTests(p *pkg) bool {
	return slices.Contains([]string{"internal/guard", "internal/inject", "internal/kqueue"}, p.name()) ||
		strings.HasPrefix(p.name(), "internal/test/")
}

// pkg is a package of the library, as go list tells.
type pkg struct {
	ImportPath, Dir                    string
	GoFiles, TestGoFiles, XTestGoFiles []string
	Deps, TestImports, XTestImports    []string
}

func (p *pkg) name() string {
	return strings.TrimPrefix(strings.TrimPrefix(p.ImportPath, module), "/")
}

// listPackages are those to mutate.
func listPackages(ctx context.Context, root string) ([]*pkg, error) {
	all, err := goList(ctx, root)
	if err != nil {
		return nil, err
	}
	return slices.DeleteFunc(all, servesTests), nil
}

func goList(ctx context.Context, root string) (all []*pkg, err error) {
	cmd := exec.CommandContext(ctx, "go", "list", "-json=ImportPath,Dir,GoFiles,TestGoFiles,XTestGoFiles,Deps,TestImports,XTestImports", module+"/...")
	cmd.Dir = root
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("%v: %w", cmd, err)
	}
	for dec := json.NewDecoder(bytes.NewReader(out)); dec.More(); {
		p := new(pkg)
		if err := dec.Decode(p); err != nil {
			return nil, err
		}
		// The workspace has modules below the library's own.
		if strings.HasPrefix(p.name(), "bench") || strings.HasPrefix(p.name(), "cmd") || p.name() == "server/promstats" || strings.HasPrefix(p.name(), "topics/nats") || p.name() == "topics/redis" {
			continue
		}
		all = append(all, p)
	}
	return all, nil
}

// runner runs tests of changed code.
type runner struct {
	root     string
	packages []*pkg
	timeout  time.Duration
}

// overlaid runs the go command with m in the place of what it changes.
func (r *runner) overlaid(ctx context.Context, m mutation, command string, args ...string) (out []byte, ok bool, err error) {
	dir, err := os.MkdirTemp("", "mutation")
	if err != nil {
		return nil, false, err
	}
	defer os.RemoveAll(dir)
	src, err := os.ReadFile(m.file)
	if err != nil {
		return nil, false, err
	}
	changed := slices.Concat(src[:m.start], []byte(m.new), src[m.end:])
	copied, overlay := filepath.Join(dir, "mutated.go"), filepath.Join(dir, "overlay.json")
	list, err := json.Marshal(map[string]any{"Replace": map[string]string{m.file: copied}})
	if err != nil {
		return nil, false, err
	}
	if err := errors.Join(os.WriteFile(copied, changed, 0o600), os.WriteFile(overlay, list, 0o600)); err != nil {
		return nil, false, err
	}
	cmd := exec.CommandContext(ctx, "go", append([]string{command, "-overlay", overlay}, args...)...)
	cmd.Dir = r.root
	out, err = cmd.CombinedOutput()
	var exit *exec.ExitError
	if errors.As(err, &exit) && ctx.Err() == nil {
		return out, false, nil
	}
	return out, err == nil, err
}

func (r *runner) compiles(ctx context.Context, m mutation) (bool, error) {
	_, ok, err := r.overlaid(ctx, m, "build", m.pkg.ImportPath)
	return ok, err
}

var failed = regexp.MustCompile(`--- FAIL: (\S+)`)

// caughtBy is the package and the test that m fails, empty if there is none.
func (r *runner) caughtBy(ctx context.Context, m mutation) (string, error) {
	for _, p := range r.tested(m.pkg) {
		if by, err := r.test(ctx, m, p.name(), p.ImportPath); by != "" || err != nil {
			return by, err
		}
		if p.name() == "server" {
			if by, err := r.test(ctx, m, "server with faults", "-tags", "faults", "-run", "TestTorture", p.ImportPath); by != "" || err != nil {
				return by, err
			}
		}
	}
	return "", nil
}

// test is the test that m fails of those that go test runs with args. One that does not
// fail again by itself was disturbed, and all are run once more.
func (r *runner) test(ctx context.Context, m mutation, name string, args ...string) (string, error) {
	for range 2 {
		by, err := r.fails(ctx, m, name, args)
		if by == "" || err != nil {
			return "", err
		}
		if !strings.HasPrefix(by, "Test") {
			return r.unlessAnyway(ctx, m, name, by, args) // not one test's failure
		}
		alone := slices.Concat(args[:len(args)-1], []string{"-run", "^" + strings.ReplaceAll(by, "/", "$/^") + "$"}, args[len(args)-1:])
		switch again, err := r.fails(ctx, m, name, alone); {
		case err != nil:
			return "", err
		case again != "":
			return r.unlessAnyway(ctx, m, name, by, alone)
		}
		fmt.Printf("   %s: %s failed, but not again\n", name, by)
	}
	return "", nil
}

// unlessAnyway is the test that m fails. It is an error if the tests fail without a mutation too,
// since they would seem to catch every one.
func (r *runner) unlessAnyway(ctx context.Context, m mutation, name, by string, args []string) (string, error) {
	m.start, m.end, m.new = 0, 0, ""
	if anyway, err := r.fails(ctx, m, name, args); err != nil || anyway != "" {
		return "", cmp.Or(err, fmt.Errorf("%s: %s fails without a mutation", name, anyway))
	}
	return name + ": " + by, nil
}

// fails is the first test that fails, empty if there is none.
func (r *runner) fails(ctx context.Context, m mutation, name string, args []string) (by string, err error) {
	timeout := r.timeout
	if strings.HasPrefix(name, "server") || name == "internal/test/lives" {
		timeout *= 3
	}
	args = append([]string{"-vet=off", "-count=1", "-failfast", "-timeout", timeout.String()}, args...)
	out, ok, err := r.overlaid(ctx, m, "test", args...)
	if ok || err != nil {
		return "", err
	}
	by = "a crash or a check at the end"
	if at := failed.FindSubmatch(out); at != nil {
		by = string(at[1])
	}
	if bytes.Contains(out, []byte("panic: test timed out")) {
		return "by its time", nil
	}
	return by, nil
}

// tested are the packages with tests of p: itself, and those that import it, the
// ones with fewest packages below them first.
func (r *runner) tested(p *pkg) []*pkg {
	all := []*pkg{p}
	for _, o := range r.packages {
		if o != p && slices.Contains(slices.Concat(o.Deps, o.TestImports, o.XTestImports), p.ImportPath) {
			all = append(all, o)
		}
	}
	slices.SortStableFunc(all[1:], func(a, b *pkg) int { return len(a.Deps) - len(b.Deps) })
	return slices.DeleteFunc(all, func(p *pkg) bool { return len(p.TestGoFiles)+len(p.XTestGoFiles) == 0 })
}
