package server

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// SECURITY.md names a test for each attack: it must be there.
func TestSecurity_NamedTestsExist(t *testing.T) {
	document, err := os.ReadFile("../SECURITY.md")
	if err != nil {
		t.Fatal(err)
	}
	named := regexp.MustCompile("`([a-z/]+)\\.(Test[A-Za-z0-9_]+)`").FindAllStringSubmatch(string(document), -1)
	if len(named) < 30 {
		t.Errorf("only %d tests are named", len(named))
	}
	for _, n := range named {
		dir, name := n[1], n[2]
		files, _ := filepath.Glob(filepath.Join("..", filepath.FromSlash(dir), "*_test.go"))
		found := false
		for _, file := range files {
			source, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			found = found || strings.Contains(string(source), "\nfunc "+name+"(")
		}
		if !found {
			t.Errorf("%s has no %s", dir, name)
		}
	}
}
