package source

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// Between instructions of AVX an old one of SSE may take 200 ns, as on an Intel Xeon: masking a KiB took
// fifteen times as long. The names of AVX's instructions begin with V.
func TestAssembly_HasNoOldVectorInstructions(t *testing.T) {
	vector := regexp.MustCompile(`^[A-Z0-9]+\s.*\b[XY]([0-9]|1[0-5])\b`) // and no use of a macro
	files := 0
	err := filepath.WalkDir("../../..", func(path string, _ fs.DirEntry, err error) error {
		if err != nil || !strings.HasSuffix(path, "_amd64.s") {
			return err
		}
		files++
		b, err := os.ReadFile(path)
		for i, line := range strings.Split(string(b), "\n") {
			code, _, _ := strings.Cut(line, "//")
			if name := strings.TrimSpace(code); vector.MatchString(name) && !strings.HasPrefix(name, "V") {
				t.Errorf("%s:%d: %s", path, i+1, name)
			}
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if files == 0 {
		t.Error("there is no assembly")
	}
}
