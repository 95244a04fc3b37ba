package server_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

var goBlock = regexp.MustCompile("(?s)```go\n(.*?)```")

// TestReadmeProgramsCompile builds every Go program and fragment of the README.
func TestReadmeProgramsCompile(t *testing.T) {
	readme, err := os.ReadFile("../README.md")
	if err != nil {
		t.Fatal(err)
	}
	blocks := goBlock.FindAllStringSubmatch(string(readme), -1)
	if len(blocks) < 2 {
		t.Fatalf("found %d programs", len(blocks))
	}
	for i, block := range blocks {
		program := block[1]
		if !strings.HasPrefix(program, "package ") {
			standard := "\t\"log\"\n"
			if strings.Contains(program, "strings.") {
				standard += "\t\"strings\"\n"
			}
			program = "package main\n\nimport (\n" + standard + "\n" +
				"\t\"github.com/framerail/framerail/conn\"\n\t\"github.com/framerail/framerail/server\"\n)\n\n" +
				"func main() {\n" + program + "}\n"
		}
		file := filepath.Join(t.TempDir(), "main.go")
		if err := os.WriteFile(file, []byte(program), 0o600); err != nil {
			t.Fatal(err)
		}
		if out, err := exec.Command("go", "build", "-o", os.DevNull, file).CombinedOutput(); err != nil {
			t.Errorf("program %d: %v\n%s", i+1, err, out)
		}
	}
}
