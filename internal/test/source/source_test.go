package source

import (
	"path/filepath"
	"slices"
	"testing"
)

func TestFiles_AreOfAllModules(t *testing.T) {
	files, err := Files("../../..")
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"../../../doc.go", "../../../internal/test/source/source_test.go", "../../../frame/deflate/doc.go"} {
		if !slices.Contains(files, filepath.FromSlash(want)) {
			t.Errorf("no %s among %d files", want, len(files))
		}
	}
}
