package report

import (
	"bytes"
	"strings"
	"testing"

	"github.com/jedib0t/go-pretty/v6/text"

	"github.com/framerail/framerail/cmd/internal/conform"
)

func TestWriteTable_plain(t *testing.T) {
	var out bytes.Buffer
	if err := WriteTable(&out, sample(), true); err != nil {
		t.Fatal(err)
	}
	visible(t, out.Bytes())
	golden(t, "table.txt", out.Bytes())
}

// What the server sent cannot steer the terminal: the only escape sequences
// are those of colours.
func TestWriteTable_in_colour(t *testing.T) {
	text.EnableColors()
	var out bytes.Buffer
	if err := WriteTable(&out, sample(), false); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(out.String(), "\x1b[32m") || !strings.Contains(out.String(), "╭") {
		t.Error("no colours, or no rules")
	}
	visible(t, []byte(text.StripEscape(out.String())))
	golden(t, "table.ansi", out.Bytes())
}

func TestWriteTable_lists_a_bounded_number_of_cases(t *testing.T) {
	report := &conform.Report{}
	for range 1000 {
		report.Results = append(report.Results, conform.Result{ID: "1.1", Group: "1", Came: strings.Repeat("x", 1<<20)})
	}
	var out bytes.Buffer
	if err := WriteTable(&out, report, true); err != nil {
		t.Fatal(err)
	}
	if lines := strings.Count(out.String(), "\n"); lines > 2*maxListed+10 || out.Len() > 20_000 {
		t.Errorf("%d lines, %d bytes", lines, out.Len())
	}
	if !strings.Contains(out.String(), "and 960 more") {
		t.Error("it does not say how many are not listed")
	}
}
