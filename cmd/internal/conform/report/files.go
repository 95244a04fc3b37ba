package report

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/framerail/framerail/cmd/internal/conform"
)

// Files are the flags that name files to write a report to. Empty ones are not
// written.
type Files struct {
	JSON  string `placeholder:"FILE" help:"Write the whole report in JSON."`
	JUnit string `name:"junit" placeholder:"FILE" help:"Write JUnit XML, for CI systems."`
	HTML  string `name:"html" placeholder:"FILE" help:"Write one HTML page, to look at."`
}

type form struct {
	path  string
	write func(io.Writer, *conform.Report) error
}

func (f Files) forms() []form {
	var forms []form
	for _, one := range []form{{f.JSON, WriteJSON}, {f.JUnit, WriteJUnit}, {f.HTML, WriteHTML}} {
		if one.path != "" {
			forms = append(forms, one)
		}
	}
	return forms
}

// Check returns an error if one of the files cannot be written, or is to be written in two
// forms, which is better known before a run of minutes than after it. A file that there
// is keeps its contents; one that there is not is there afterwards, and empty.
func (f Files) Check() error {
	seen := map[string]bool{}
	for _, one := range f.forms() {
		path := filepath.Clean(one.path)
		if seen[path] {
			return fmt.Errorf("%s is named for two reports", one.path)
		}
		seen[path] = true
		file, err := os.OpenFile(one.path, os.O_WRONLY|os.O_CREATE, 0o644)
		if err != nil {
			return err
		}
		if err := file.Close(); err != nil {
			return err
		}
	}
	return nil
}

// Write writes them all. One that fails does not keep the others from being
// written.
func (f Files) Write(report *conform.Report) error {
	var errs []error
	for _, one := range f.forms() {
		var out bytes.Buffer
		err := one.write(&out, report)
		if err == nil {
			err = os.WriteFile(one.path, out.Bytes(), 0o644)
		}
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}
