//go:build linux

package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// fuzzCommand runs fuzz targets for a number of executions each. The test binaries
// are built with coverage of framerail's own packages alone: go test -fuzz counts
// that of net/http and the rest too, which takes up to ten times as long and leads
// the fuzzer there.
type fuzzCommand struct {
	scale
	Executions int64    `default:"10000000" help:"Executions of each target."`
	Workers    int      `default:"1" help:"Executions at a time."`
	Target     string   `default:"." help:"Only targets that match this regular expression."`
	Packages   []string `default:"mask,frame,frame/deflate,internal/handshake,internal/proxyproto,internal/forwarded,internal/secure,internal/session,internal/session/sendq,client,topics,server,bench/differential,cmd/internal/conform,cmd/internal/conform/deflate" help:"Where to look for targets."`
}

// fuzzed is a target and what became of it.
type fuzzed struct {
	binary, dir, name string
	executions        int64
	inputs            int // found to be of interest, by the end
	took              time.Duration
}

func (c *fuzzCommand) Run(ctx context.Context) error {
	if c.Short {
		c.Executions = min(c.Executions, 20_000)
	}
	tmp, err := os.MkdirTemp("", "fuzz")
	if err != nil {
		return err
	}
	defer os.RemoveAll(tmp)
	targets, err := c.build(ctx, tmp)
	if err != nil {
		return err
	}
	if len(targets) == 0 {
		return fmt.Errorf("no target matches %q", c.Target)
	}
	var v verdict
	var total int64
	for i := range targets {
		f := &targets[i]
		finding, err := c.fuzz(ctx, f, filepath.Join(tmp, "cache"))
		if err != nil {
			return err
		}
		v.expect(finding == "", "%s: %s", f.name, finding)
		fmt.Printf("%-20s %12d executions, %5d inputs of interest, %v\n", f.name, f.executions, f.inputs, f.took.Round(time.Second))
		total += f.executions
	}
	return v.finish("%d targets, %d executions in all, %d findings", len(targets), total, v.misses)
}

// build makes a test binary of each package and lists its targets.
func (c *fuzzCommand) build(ctx context.Context, tmp string) (targets []fuzzed, err error) {
	const module = "github.com/framerail/framerail"
	out, err := exec.CommandContext(ctx, "go", "list", "-m", "-f", "{{.Dir}}", module).Output()
	if err != nil {
		return nil, fmt.Errorf("where is %s: %w", module, err)
	}
	root := strings.TrimSpace(string(out))
	wanted, err := regexp.Compile(c.Target)
	if err != nil {
		return nil, err
	}
	args := []string{"test", "-c", "-gcflags=" + module + "/...=-d=libfuzzer"}
	if c.Break {
		overlay, err := breakUTF8(root, tmp)
		if err != nil {
			return nil, err
		}
		args = append(args, "-overlay", overlay)
	}
	for i, p := range c.Packages {
		binary := filepath.Join(tmp, strconv.Itoa(i)+".test")
		build := exec.CommandContext(ctx, "go", append(args, "-o", binary, "./"+p)...)
		build.Dir = root
		if out, err := build.CombinedOutput(); err != nil {
			return nil, fmt.Errorf("%s: %w\n%s", p, err, out)
		}
		list := exec.CommandContext(ctx, binary, "-test.list", "^Fuzz")
		list.Dir = filepath.Join(root, p)
		out, err := list.Output()
		if err != nil {
			return nil, fmt.Errorf("%s: %w", p, err)
		}
		for _, name := range strings.Fields(string(out)) {
			if wanted.MatchString(name) {
				targets = append(targets, fuzzed{binary: binary, dir: list.Dir, name: name})
			}
		}
	}
	return targets, nil
}

// breakUTF8 describes a build in which surrogates pass for text.
func breakUTF8(root, tmp string) (overlay string, err error) {
	file := filepath.Join(root, "frame", "utf8.go")
	source, err := os.ReadFile(file)
	if err != nil {
		return "", err
	}
	broken := bytes.Replace(source, []byte("return textED\n"), []byte("return text2\n"), 1)
	if bytes.Equal(source, broken) {
		return "", fmt.Errorf("%s has changed: nothing to break", file)
	}
	replaced := filepath.Join(tmp, "utf8.go")
	if err := os.WriteFile(replaced, broken, 0o600); err != nil {
		return "", err
	}
	description, err := json.Marshal(map[string]any{"Replace": map[string]string{file: replaced}})
	if err != nil {
		return "", err
	}
	overlay = filepath.Join(tmp, "overlay.json")
	return overlay, os.WriteFile(overlay, description, 0o600)
}

// progress is what the fuzzer prints every three seconds.
var progress = regexp.MustCompile(`execs: (\d+).*\(total: (\d+)\)`)

// fuzz runs one target to its number of executions. The fuzzer sometimes takes the
// end of its own time for a failure, and is then started again for the rest.
func (c *fuzzCommand) fuzz(ctx context.Context, f *fuzzed, cache string) (finding string, err error) {
	start := time.Now()
	defer func() { f.took = time.Since(start) }()
	for f.executions < c.Executions {
		cmd := exec.CommandContext(ctx, f.binary, "-test.run", "^$", "-test.fuzz", "^"+f.name+"$", "-test.timeout", "0",
			"-test.fuzztime", fmt.Sprint(c.Executions-f.executions, "x"), "-test.fuzzminimizetime", "20x",
			"-test.parallel", strconv.Itoa(c.Workers), "-test.fuzzcachedir", filepath.Join(cache, f.name))
		cmd.Dir = f.dir
		cmd.Env = append(os.Environ(), "GOGC=400")
		out, err := cmd.CombinedOutput()
		if ctx.Err() != nil {
			return "", ctx.Err()
		}
		before := f.executions
		if all := progress.FindAllSubmatch(out, -1); len(all) > 0 {
			last := all[len(all)-1]
			n, _ := strconv.ParseInt(string(last[1]), 10, 64)
			f.executions += n
			f.inputs, _ = strconv.Atoi(string(last[2]))
		}
		deadline := bytes.Contains(out, []byte("context deadline exceeded")) && !bytes.Contains(out, []byte("Failing input"))
		if err != nil && !deadline || f.executions == before {
			return fmt.Sprintf("%v\n%.2000s", err, out), nil
		}
	}
	return "", nil
}
