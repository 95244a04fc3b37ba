package reportfile

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestCheck_refuses_what_cannot_be_written(t *testing.T) {
	dir := t.TempDir()
	twice := filepath.Join(dir, "report")
	for _, c := range []struct {
		paths []string
		want  string
	}{
		{[]string{filepath.Join(dir, "missing", "report")}, "no such file"},
		{[]string{twice, "", dir + "/./report"}, "two reports"},
		{[]string{"-"}, "standard output"},
	} {
		if err := Check(c.paths...); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%q: %v, not %q", c.paths, err, c.want)
		}
	}
}

func TestCheck_keeps_what_is_there(t *testing.T) {
	path := filepath.Join(t.TempDir(), "report")
	if err := os.WriteFile(path, []byte("before"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := Check(path); err != nil {
		t.Fatal(err)
	}
	if got, err := os.ReadFile(path); string(got) != "before" || err != nil {
		t.Errorf("the file reads %q, %v after it was checked", got, err)
	}
}

func TestCheck_and_Write_take_no_path_for_no_file(t *testing.T) {
	if err := Check("", ""); err != nil {
		t.Error(err)
	}
	if err := Write("", func(io.Writer) error { t.Error("a report that nothing asks for"); return nil }); err != nil {
		t.Error(err)
	}
}

func TestWrite_writes_nothing_of_a_report_that_fails(t *testing.T) {
	path := filepath.Join(t.TempDir(), "report")
	failure := errors.New("failure")
	err := Write(path, func(w io.Writer) error {
		_, err := io.WriteString(w, "half")
		return errors.Join(err, failure)
	})
	if !errors.Is(err, failure) {
		t.Errorf("the error is %v", err)
	}
	if _, err := os.Stat(path); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the file is there: %v", err)
	}
}
