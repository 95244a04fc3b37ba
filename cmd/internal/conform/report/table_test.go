package report

import (
	"bytes"
	"fmt"
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

// Cases that ask for the same and fail stand together, under what they ask for.
func TestWriteTable_lists_failures_by_rule(t *testing.T) {
	report := &conform.Report{}
	for i := range 10 {
		expected := "The server fails the connection."
		if i%5 == 0 {
			expected = "The message comes back."
		}
		report.Results = append(report.Results, conform.Result{ID: fmt.Sprintf("1.%d", i), Group: "1 Framing", Expected: expected, Came: "nothing"})
	}
	var out bytes.Buffer
	if err := WriteTable(&out, report, true); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"\n1 Framing: The message comes back.\n  FAILED  1.0  \n      nothing\n  FAILED  1.5  \n      nothing\n",
		"\n1 Framing: The server fails the connection.\n  FAILED  1.1  ",
		"and 5 more: 1.4, 1.6, 1.7, 1.8, 1.9\n",
		"0 of 10 cases passed",
	} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("no %q in\n%s", want, &out)
		}
	}
}

// What a server does not offer is neither passed nor failed.
func TestWriteTable_counts_apart_what_was_not_offered(t *testing.T) {
	report := &conform.Report{}
	for i := range 5 {
		r := conform.Result{ID: fmt.Sprint(i), Group: "1", Verdict: conform.OK, Closing: conform.ClosingOK}
		if i > 2 {
			r.Verdict, r.Closing = conform.Unimplemented, conform.ClosingUnimplemented
		}
		report.Results = append(report.Results, r)
	}
	var out bytes.Buffer
	if err := WriteTable(&out, report, true); err != nil {
		t.Fatal(err)
	}
	if want := "3 of 3 cases passed in 0.0 ms, and 2 more are about an extension that client and server did not agree on"; !strings.Contains(out.String(), want) {
		t.Errorf("no %q in\n%s", want, &out)
	}
	if !report.Passed() {
		t.Error("the run has failed")
	}
}

func TestWriteTable_lists_a_bounded_number_of_cases(t *testing.T) {
	report := &conform.Report{}
	came := strings.Repeat("x", 1<<20)
	for i := range 1000 {
		report.Results = append(report.Results, conform.Result{
			ID: "1.1", Group: "1", Expected: fmt.Sprint(i % 100), Came: came,
		})
	}
	var out bytes.Buffer
	if err := WriteTable(&out, report, true); err != nil {
		t.Fatal(err)
	}
	if lines := strings.Count(out.String(), "\n"); lines > maxRules*(2*maxPerRule+3)+20 || out.Len() > 40_000 {
		t.Errorf("%d lines, %d bytes", lines, out.Len())
	}
	if !strings.Contains(out.String(), "and 80 more rules") {
		t.Error("it does not say how many are not listed")
	}
}
