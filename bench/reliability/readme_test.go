//go:build linux

package main

import (
	"cmp"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
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
	overTLS := way{security: security{TLS: true}}
	for row, count := range map[string]struct {
		pattern string
		n       int
	}{
		"handshake smuggling": {`(\d+) requests, with`, len(smuggledRequests())},
		"allocation":          {`(\d+) shapes of`, len(inputShapes())},
		"leaks":               {`lives of (\d+) kinds`, len(new(leaksCommand).kinds())},
		"amplification":       {`(\d+) classes of input`, len(new(amplificationCommand).classes())},
		"panics":              {`panics in (\d+) callbacks`, len(panicPaths)},
		// Over TLS, and through net/http.
		"`leaks --tls`":               {`lives of (\d+) kinds`, len((&leaksCommand{way: overTLS}).kinds())},
		"`amplification --tls`":       {`(\d+) classes`, len((&amplificationCommand{security: overTLS.security}).classes())},
		"`panics --tls --count 3000`": {`panics in (\d+) callbacks`, len(panicPaths)},
		"`leaks`":                     {`lives of (\d+) kinds`, len(new(leaksCommand).kinds())},
		"`allocs --short`":            {`(\d+) shapes`, len(inputShapes())},
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

// Every bar that can be run has a row with its last figure, and a number in the list of all.
func TestReadme_EveryBarHasARow(t *testing.T) {
	text := readme(t)
	section := func(title string) string {
		_, text, found := strings.Cut(text, "\n## "+title+"\n")
		if !found {
			t.Fatalf("there is no section %s", title)
		}
		text, _, _ = strings.Cut(text, "\n## ")
		return text
	}
	for field := range reflect.TypeFor[program]().Fields() {
		if _, hidden := field.Tag.Lookup("hidden"); hidden {
			continue
		}
		name := cmp.Or(field.Tag.Get("name"), strings.ToLower(field.Name))
		row := regexp.MustCompile(`(?m)^\|[^|]*\| ` + "`(go run -race ./bench/reliability )?" + name + "[` ]")
		if !row.MatchString(section("Last results")) {
			t.Errorf("%s has no row with its figure", name)
		}
		if !strings.Contains(section("Every bar"), "`"+name+"`") {
			t.Errorf("%s is not among all bars", name)
		}
	}
}

// Every fuzz target is run by the command and has a row with how long it was run. No row is of one that is
// gone.
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
	field, _ := reflect.TypeFor[fuzzCommand]().FieldByName("Packages")
	packages := strings.Split(field.Tag.Get("default"), ",")
	for target := range targets {
		if dir := strings.Split(target, "`")[1]; !slices.Contains(packages, dir) {
			t.Errorf("the command fuzz leaves out package %s", dir)
		}
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
