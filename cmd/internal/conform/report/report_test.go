package report

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/framerail/framerail/cmd/internal/printable"
)

var update = flag.Bool("update", false, "write the golden files of testdata anew")

// golden compares got with a file in testdata.
func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("differs from %s; if that is right, run with -update and look at the difference", path)
	}
}

// visible fails if out has bytes that a terminal or a reader would not see as
// they are.
func visible(t *testing.T, out []byte) {
	t.Helper()
	if !utf8.Valid(out) {
		t.Error("the output is no UTF-8")
	}
	if i := strings.IndexFunc(string(out), func(r rune) bool { return r != '\n' && !printable.Is(r) }); i >= 0 {
		t.Errorf("the output has %q", out[i:min(i+20, len(out))])
	}
}
