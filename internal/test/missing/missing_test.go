package missing

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"testing"

	"github.com/framerail/framerail/internal/test/source"
)

// recorder is a test that only remembers how it ended.
type recorder struct {
	testing.TB
	ended string
}

func (r *recorder) Helper()                        {}
func (r *recorder) Fatalf(format string, a ...any) { r.end("failed: " + fmt.Sprintf(format, a...)) }
func (r *recorder) Skipf(format string, a ...any)  { r.end("skipped: " + fmt.Sprintf(format, a...)) }

// end keeps the first end: Fatalf of a real test does not return.
func (r *recorder) end(how string) {
	if r.ended == "" {
		r.ended = how
	}
}

func TestEnd_FailsOnlyWhereCIIsSet(t *testing.T) {
	for ci, want := range map[string]string{
		"":     "skipped: no redis-server",
		"true": "failed: no redis-server (CI is set)",
		"1":    "failed: no redis-server (CI is set)",
	} {
		t.Setenv("CI", ci)
		var r recorder
		if End(&r, "no %s", "redis-server"); r.ended != want {
			t.Errorf("CI=%s: %q, not %q", ci, r.ended, want)
		}
	}
}

// One place decides what CI means, so that no test takes another value of it for none.
func TestCI_IsLookedAtHereAlone(t *testing.T) {
	files, err := source.Files("../../..")
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	looked := regexp.MustCompile(`(Getenv|LookupEnv)\("CI"\)`)
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if looked.Match(text) != (filepath.Base(file) == "missing.go") {
			t.Errorf("%s: it is for missing.go, and for nothing else, to look at CI", file)
		}
	}
}
