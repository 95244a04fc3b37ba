package report

import (
	"errors"
	"io"

	"github.com/framerail/framerail/cmd/internal/load"
	"github.com/framerail/framerail/cmd/internal/reportfile"
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

// stdout is standard output's name.
const stdout = "-"

// jsonFile is the file that the JSON goes to. Empty: none.
func (f Files) jsonFile() string {
	if f.JSON == stdout {
		return ""
	}
	return f.JSON
}

// Check returns an error if one of the files cannot be written, or is to be written in two
// forms. See [reportfile.Check].
func (f Files) Check() error { return reportfile.Check(f.jsonFile(), f.CSV, f.HTML) }

// Write writes the text, or the JSON in its place, to w and the others to their files. One that
// fails does not keep the others from being written.
func (f Files) Write(w io.Writer, r *load.Result, about About) error {
	write := func(path string, form func(io.Writer, *load.Result, About) error) error {
		return reportfile.Write(path, func(w io.Writer) error { return form(w, r, about) })
	}
	shown := WriteText
	if f.JSON == stdout {
		shown = func(w io.Writer, r *load.Result) error { return WriteJSON(w, r, about) }
	}
	return errors.Join(shown(w, r), write(f.jsonFile(), WriteJSON), write(f.CSV, WriteCSV), write(f.HTML, WriteHTML))
}
