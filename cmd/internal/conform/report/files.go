package report

import (
	"errors"
	"io"

	"github.com/framerail/framerail/cmd/internal/conform"
	"github.com/framerail/framerail/cmd/internal/reportfile"
)

// Files are the flags that name files to write a report to. Empty ones are not
// written.
type Files struct {
	JSON  string `placeholder:"FILE" help:"Write the whole report in JSON."`
	JUnit string `name:"junit" placeholder:"FILE" help:"Write JUnit XML, for CI systems."`
	HTML  string `name:"html" placeholder:"FILE" help:"Write one HTML page, to look at."`
}

// Check returns an error if one of the files cannot be written, or is to be written in two
// forms. See [reportfile.Check].
func (f Files) Check() error { return reportfile.Check(f.JSON, f.JUnit, f.HTML) }

// Write writes them all. One that fails does not keep the others from being
// written.
func (f Files) Write(report *conform.Report) error {
	write := func(path string, form func(io.Writer, *conform.Report) error) error {
		return reportfile.Write(path, func(w io.Writer) error { return form(w, report) })
	}
	return errors.Join(write(f.JSON, WriteJSON), write(f.JUnit, WriteJUnit), write(f.HTML, WriteHTML))
}
