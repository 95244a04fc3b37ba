package report

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/framerail/framerail/cmd/internal/load"
)

// Files are the flags that name files to write a result to. Empty ones are not written.
type Files struct {
	JSON string `placeholder:"FILE" help:"Write everything in JSON; - is standard output, in place of the text."`
	CSV  string `name:"csv" placeholder:"FILE" help:"Write a line for each second in CSV."`
	HTML string `name:"html" placeholder:"FILE" help:"Write one HTML page with plots, to look at."`
}

// About is what a report says besides the result.
type About struct {
	Version string
	URL     string   // without its password
	Failed  []string // thresholds that are met
}

type form struct {
	path  string
	write func(io.Writer, *load.Result, About) error
}

func (f Files) forms() []form {
	var forms []form
	for _, one := range []form{{f.JSON, WriteJSON}, {f.CSV, WriteCSV}, {f.HTML, WriteHTML}} {
		if one.path != "" && one.path != stdout {
			forms = append(forms, one)
		}
	}
	return forms
}

// stdout is standard output's name.
const stdout = "-"

// Check returns an error if one of the files cannot be written. A file that there is keeps its
// contents; one that there is not is there afterwards, and empty.
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

// Write writes the text, or the JSON in its place, to w and the others to their files. One that
// fails does not keep the others from being written.
func (f Files) Write(w io.Writer, r *load.Result, about About) error {
	var errs []error
	if f.JSON == stdout {
		errs = append(errs, WriteJSON(w, r, about))
	} else {
		errs = append(errs, WriteText(w, r))
	}
	for _, one := range f.forms() {
		var out bytes.Buffer
		err := one.write(&out, r, about)
		if err == nil {
			err = os.WriteFile(one.path, out.Bytes(), 0o644)
		}
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}
