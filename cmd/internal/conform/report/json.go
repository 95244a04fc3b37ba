package report

import (
	"bytes"
	_ "embed"
	"encoding/hex"
	"encoding/json"
	"io"
	"time"

	"github.com/framerail/framerail/cmd/internal/conform"
	"github.com/framerail/framerail/cmd/internal/printable"
)

// Format is the version of the JSON report. It counts up when a field goes, or
// comes to mean something else; a new field does not change it.
const Format = 1

// Schema is the JSON report's form as a JSON Schema (draft 2020-12), with the
// meaning and the unit of every field.
//
//go:embed schema.json
var Schema []byte

// document is the JSON report. Its types are not conform's, so that a change
// there does not change the file.
type document struct {
	Format  int            `json:"format"`
	URL     string         `json:"url"`
	Agent   string         `json:"agent"`
	Version string         `json:"version"`
	Started time.Time      `json:"started"`
	TookUS  int64          `json:"took_us"`
	Passed  bool           `json:"passed"`
	Counts  map[string]int `json:"counts"`
	Cases   []caseDoc      `json:"cases"`
}

type caseDoc struct {
	ID       string      `json:"id"`
	Group    string      `json:"group"`
	Title    string      `json:"title"`
	Sent     string      `json:"sent"`
	Expected string      `json:"expected"`
	Came     string      `json:"came"`
	Passed   bool        `json:"passed"`
	Verdict  string      `json:"verdict"`
	Closing  string      `json:"closing"`
	Ended    string      `json:"ended"`
	TookUS   int64       `json:"took_us"`
	Wire     []recordDoc `json:"wire"`
}

type recordDoc struct {
	AtUS   int64     `json:"at_us"`
	Dir    string    `json:"dir"`
	Frame  *frameDoc `json:"frame,omitempty"`
	Length int64     `json:"length,omitempty"`
	Data   string    `json:"data,omitempty"`
	Note   string    `json:"note,omitempty"`
}

type frameDoc struct {
	Fin    bool   `json:"fin"`
	RSV    byte   `json:"rsv"`
	Opcode byte   `json:"opcode"`
	Masked bool   `json:"masked"`
	Key    string `json:"key,omitempty"`
	Length int64  `json:"length"`
}

// WriteJSON writes the whole report as one JSON object that [Schema] describes,
// a line for each case.
func WriteJSON(w io.Writer, report *conform.Report) error {
	doc := newDocument(report)
	cases := doc.Cases
	doc.Cases = nil

	var out bytes.Buffer
	enc := json.NewEncoder(&out)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	if err := enc.Encode(doc); err != nil {
		return err
	}
	out.Truncate(out.Len() - len("null\n}\n")) // the cases go here
	enc.SetIndent("", "")
	out.WriteByte('[')
	for i := range cases {
		if i > 0 {
			out.WriteByte(',')
		}
		out.WriteString("\n    ")
		if err := enc.Encode(&cases[i]); err != nil {
			return err
		}
		out.Truncate(out.Len() - 1) // the encoder ends a line
	}
	out.WriteString("\n  ]\n}\n")
	_, err := out.WriteTo(w)
	return err
}

func newDocument(report *conform.Report) *document {
	_, total := summarize(report.Results)
	doc := &document{
		Format: Format, URL: printable.Text(report.URL), Agent: printable.Text(report.Agent), Version: report.Version,
		Started: report.Started.UTC().Truncate(time.Millisecond), TookUS: report.Took.Microseconds(),
		Passed: report.Passed(), Counts: map[string]int{}, Cases: []caseDoc{},
	}
	for _, v := range conform.Verdicts() {
		doc.Counts[v.String()] = total.Counts[v]
	}
	for i := range report.Results {
		doc.Cases = append(doc.Cases, newCaseDoc(&report.Results[i]))
	}
	return doc
}

func newCaseDoc(r *conform.Result) caseDoc {
	c := caseDoc{
		ID: r.ID, Group: printable.Text(r.Group), Title: printable.Text(r.Title),
		Sent: printable.Text(r.Sent), Expected: printable.Text(r.Expected), Came: printable.Text(r.Came),
		Passed: r.Passed(), Verdict: r.Verdict.String(), Closing: r.Closing.String(), Ended: printable.Text(r.Ended),
		TookUS: r.Took.Microseconds(), Wire: []recordDoc{},
	}
	for i := range r.Wire {
		rec := &r.Wire[i]
		d := recordDoc{
			AtUS: rec.At.Microseconds(), Dir: direction(rec.Dir),
			Length: rec.Length, Data: hex.EncodeToString(rec.Data), Note: printable.Text(rec.Note),
		}
		if h := rec.Header; h != nil {
			d.Frame = &frameDoc{Fin: h.Fin, RSV: h.RSV, Opcode: h.Opcode, Masked: h.Masked, Length: h.Length}
			if h.Masked {
				d.Frame.Key = hex.EncodeToString(h.Key[:])
			}
		}
		c.Wire = append(c.Wire, d)
	}
	return c
}
