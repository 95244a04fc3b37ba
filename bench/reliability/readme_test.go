//go:build linux

package main

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

func readme(t *testing.T) string {
	text, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// A figure with a count that is the code's is stale once the code counts otherwise: the bar
// has to be run again.
func TestReadme_FiguresHaveTheCountsOfTheCode(t *testing.T) {
	text := readme(t)
	for row, count := range map[string]struct {
		pattern string
		n       int
	}{
		"handshake smuggling": {`(\d+) requests, with`, len(smuggledRequests())},
		"allocation":          {`(\d+) shapes of`, len(inputShapes())},
		"leaks":               {`lives of (\d+) kinds`, len(new(leaksCommand).kinds())},
		"amplification":       {`(\d+) classes of input`, len(new(amplificationCommand).classes())},
		"panics":              {`panics in (\d+) callbacks`, len(panicPaths)},
	} {
		_, line, found := strings.Cut(text, "\n| "+row+" |")
		line, _, _ = strings.Cut(line, "\n")
		match := regexp.MustCompile(count.pattern).FindStringSubmatch(line)
		if !found || match == nil {
			t.Errorf("%s: no figure like %q in its row", row, count.pattern)
			continue
		}
		if want := fmt.Sprint(count.n); match[1] != want {
			t.Errorf("%s: the figure is of %s, and the code has %s: run the bar again", row, match[1], want)
		}
	}
}

// Every fuzz target has a row with how long it was run, and no row is of one that is gone.
func TestReadme_EveryFuzzTargetHasARow(t *testing.T) {
	targets := map[string]bool{}
	root := filepath.Join("..", "..")
	err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() && entry.Name() == "node_modules" {
			return filepath.SkipDir
		}
		if !strings.HasSuffix(path, "_test.go") {
			return nil
		}
		source, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		dir, err := filepath.Rel(root, filepath.Dir(path))
		if err != nil {
			return err
		}
		for _, match := range regexp.MustCompile(`(?m)^func (Fuzz\w+)\(`).FindAllSubmatch(source, -1) {
			targets[fmt.Sprintf("`%s` | `%s`", dir, match[1])] = true
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	text := readme(t)
	for target := range targets {
		if !strings.Contains(text, "\n| "+target+" |") {
			t.Errorf("no row begins with | %s |", target)
		}
	}
	for _, match := range regexp.MustCompile("(?m)^\\| (`[^`]+` \\| `Fuzz\\w+`) \\|").FindAllStringSubmatch(text, -1) {
		if !targets[match[1]] {
			t.Errorf("there is no target of the row | %s |", match[1])
		}
	}
}
