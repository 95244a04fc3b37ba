package report

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf8"
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
	if i := strings.IndexFunc(string(out), func(r rune) bool { return r != '\n' && unclean(r) }); i >= 0 {
		t.Errorf("the output has %q", out[i:min(i+20, len(out))])
	}
}

func TestClean_escapes_what_is_not_to_be_seen(t *testing.T) {
	for in, want := range map[string]string{
		"":                    "",
		"plain, κόσμε 你好 🙂":   "plain, κόσμε 你好 🙂",
		"\x1b[31mred\x07":     `\x1b[31mred\a`,
		"\x00\xff\xc3":        `\x00\xff\xc3`,
		"two\nlines\r\n":      `two lines\r `,
		"\u202eright to left": `\u202eright to left`,
		"\ufffd":              `\ufffd`,
		"no-break\u00a0space": `no-break\u00a0space`,
		"private \U000f0000 ": `private \U000f0000 `,
	} {
		if got := clean(in); got != want {
			t.Errorf("clean(%q) = %q, want %q", in, got, want)
		}
	}
}
