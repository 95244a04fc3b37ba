package api

import (
	"flag"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write the files of the folder api anew")

// file is where the declarations of a package are kept.
func file(name string) string {
	return filepath.Join(root, "api", strings.ReplaceAll(name, "/", "-")+".txt")
}

// A change of what programs see is reviewed as a change of a file.
func TestFace_IsWhatItsFileSays(t *testing.T) {
	packages := loaded(t)
	for _, name := range public {
		if packages[name] == nil {
			continue
		}
		now := declare(packages[name]).lines
		if *update {
			if err := os.WriteFile(file(name), []byte(strings.Join(now, "\n")+"\n"), 0o644); err != nil {
				t.Fatal(err)
			}
			continue
		}
		kept, err := os.ReadFile(file(name))
		if err != nil {
			t.Fatal(err)
		}
		if changes := difference(strings.FieldsFunc(string(kept), func(r rune) bool { return r == '\n' }), now); len(changes) > 0 {
			t.Errorf("the face of %s is not what %s says:\n%s\nIf that is wanted: go test ./internal/test/api -update",
				name, filepath.Base(file(name)), strings.Join(changes, "\n"))
		}
	}
}

// Each file is of a package that is still there.
func TestFace_HasNoOtherFiles(t *testing.T) {
	files, err := filepath.Glob(filepath.Join(root, "api", "*"))
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	for _, f := range files {
		if !slices.ContainsFunc(public, func(name string) bool { return file(name) == f }) {
			t.Errorf("%s is of no public package", f)
		}
	}
}

// difference lists the lines that are gone and those that are new. Declarations stand in
// order, so that a changed one is found beside its former self.
func difference(before, after []string) (changes []string) {
	for _, line := range before {
		if !slices.Contains(after, line) {
			changes = append(changes, "- "+line)
		}
	}
	for _, line := range after {
		if !slices.Contains(before, line) {
			changes = append(changes, "+ "+line)
		}
	}
	return changes
}

func TestDifference(t *testing.T) {
	changes := difference([]string{"func A()", "func B()"}, []string{"func B()", "func C()"})
	if !slices.Equal(changes, []string{"- func A()", "+ func C()"}) {
		t.Errorf("%q", changes)
	}
	if same := difference([]string{"func A()"}, []string{"func A()"}); same != nil {
		t.Errorf("%q", same)
	}
}
