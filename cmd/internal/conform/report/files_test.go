package report

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestFiles_writes_what_is_named(t *testing.T) {
	dir := t.TempDir()
	f := Files{JSON: filepath.Join(dir, "a.json"), JUnit: filepath.Join(dir, "a.xml"), HTML: filepath.Join(dir, "a.html")}
	if err := f.Check(); err != nil {
		t.Fatal(err)
	}
	if err := f.Write(sample()); err != nil {
		t.Fatal(err)
	}
	for path, begins := range map[string]string{f.JSON: "{", f.JUnit: "<?xml", f.HTML: "<!doctype html>"} {
		if got, err := os.ReadFile(path); err != nil || !strings.HasPrefix(string(got), begins) {
			t.Errorf("%s begins with %.20q, %v", path, got, err)
		}
	}
	if err := (Files{}).Write(sample()); err != nil {
		t.Error(err)
	}
}

func TestFiles_says_beforehand_what_cannot_be_written(t *testing.T) {
	dir := t.TempDir()
	f := Files{JSON: filepath.Join(dir, "missing", "a.json"), HTML: filepath.Join(dir, "a.html")}
	if err := f.Check(); err == nil {
		t.Error("no error for a directory that is not there")
	}
	if err := f.Write(sample()); err == nil {
		t.Error("no error")
	}
	if _, err := os.Stat(f.HTML); err != nil {
		t.Error("the other file was not written")
	}
	if err := os.WriteFile(f.HTML, []byte("before"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := (Files{HTML: f.HTML}).Check(); err != nil {
		t.Fatal(err)
	}
	if got, _ := os.ReadFile(f.HTML); string(got) != "before" {
		t.Errorf("the file reads %q after it was checked", got)
	}
}

func TestFiles_are_of_one_form_each(t *testing.T) {
	dir := t.TempDir()
	f := Files{JSON: filepath.Join(dir, "report"), HTML: dir + "/./report"}
	if err := f.Check(); err == nil || !strings.Contains(err.Error(), "two reports") {
		t.Errorf("the same file for two reports: %v", err)
	}
}
