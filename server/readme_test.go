package server_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

var goBlock = regexp.MustCompile("(?s)```go\n(.*?)```")

// standardPackages are those that a fragment in the documents may use without naming them.
var standardPackages = []string{
	"context", "encoding/json", "fmt", "io", "log", "net/http", "net/netip", "os", "os/signal", "strings", "syscall", "time",
}

// TestReadmeProgramsCompile builds every Go program and fragment of the README and of docs, and
// runs those that are tests.
func TestReadmeProgramsCompile(t *testing.T) {
	t.Parallel()
	documents, err := filepath.Glob("../docs/*.md")
	if err != nil || len(documents) < 4 {
		t.Fatalf("documents: %q, %v", documents, err)
	}
	programs := 0
	for _, document := range append(documents, "../README.md") {
		text, err := os.ReadFile(document)
		if err != nil {
			t.Fatal(err)
		}
		blocks := goBlock.FindAllStringSubmatch(string(text), -1)
		if document == "../README.md" && (len(blocks) == 0 || !strings.HasPrefix(blocks[0][1], "package main\n")) {
			t.Error("the README does not begin with a program")
		}
		programs += len(blocks)
		for i, block := range blocks {
			t.Run(fmt.Sprintf("%s/%d", filepath.Base(document), i+1), func(t *testing.T) {
				t.Parallel()
				if out, err := command(t, block[1]).CombinedOutput(); err != nil {
					t.Errorf("%v\n%s", err, out)
				}
			})
		}
	}
	if programs < 6 {
		t.Errorf("found %d programs", programs)
	}
}

// command checks a program: it builds it, or runs it if it is a test.
func command(t *testing.T, program string) *exec.Cmd {
	if !strings.HasPrefix(program, "package ") {
		program = wrap(program)
	}
	name, args := "main.go", []string{"build", "-o", os.DevNull}
	if strings.Contains(program, "(t *testing.T)") {
		name, args = "main_test.go", []string{"test"}
	}
	program = strings.Replace(program, "package main\n", "package program\n", 1) // not linked
	file := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(file, []byte(program), 0o600); err != nil {
		t.Fatal(err)
	}
	return exec.Command("go", append(args, file)...)
}

// wrap makes a program of a fragment, with the imports that it needs.
func wrap(fragment string) string {
	var imports strings.Builder
	code := regexp.MustCompile(`(?m)//.*$`).ReplaceAllString(fragment, "")
	use := func(path string) {
		if regexp.MustCompile(`\b` + path[strings.LastIndex(path, "/")+1:] + `\.[A-Z]`).MatchString(code) {
			imports.WriteString("\t\"" + path + "\"\n")
		}
	}
	for _, path := range standardPackages {
		use(path)
	}
	for _, path := range []string{"client", "conn", "conn/wsjson", "frame", "server", "topics"} {
		use("github.com/framerail/framerail/" + path)
	}
	return "package main\n\nimport (\n" + imports.String() + ")\n\nfunc main() {\n" + fragment + "}\n"
}
