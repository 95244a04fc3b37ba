package report

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/framerail/framerail/cmd/internal/conform"
)

func writeHTML(t *testing.T, report *conform.Report) string {
	t.Helper()
	var out bytes.Buffer
	if err := WriteHTML(&out, report); err != nil {
		t.Fatal(err)
	}
	visible(t, out.Bytes())
	return out.String()
}

// The golden file is without the style and the script, which are files already.
func TestWriteHTML(t *testing.T) {
	out := writeHTML(t, sample())
	for _, part := range []string{pageCSS, pageJS} {
		if strings.Count(out, part) != 1 {
			t.Fatal("a part of the page is not in it as it stands in its file")
		}
		out = strings.Replace(out, part, "", 1)
	}
	out = strings.Replace(out, policy, "", 1)
	golden(t, "report.html", []byte(out))
}

// The only script is the page's, and nothing in it names another place to load
// from.
func TestWriteHTML_hostile_bytes_stay_text(t *testing.T) {
	out := writeHTML(t, sample())
	if n := strings.Count(out, "<script"); n != 1 {
		t.Errorf("%d scripts, want 1", n)
	}
	if strings.Contains(out, "<script>alert") || strings.Contains(out, "\u202e") {
		t.Error("what the server sent came through as it was")
	}
	for _, loads := range []string{` src="`, "@import", "url(", "<link rel=\"stylesheet", "fetch(", "http://127"} {
		if strings.Contains(out, loads) {
			t.Errorf("the page has %q", loads)
		}
	}
	if !strings.Contains(out, "script-src 'sha256-") {
		t.Error("the policy does not name the script's hash")
	}
}

// Cases whose logs are full make a page that a browser opens at once: at most 6 KiB
// for each.
func TestWriteHTML_stays_small(t *testing.T) {
	report := &conform.Report{Started: time.Now()}
	wire := make([]conform.Record, conform.MaxRecords)
	for i := range wire {
		wire[i] = conform.Record{
			Dir: conform.Received, Data: bytes.Repeat([]byte{0xfe}, conform.MaxRecordData), Length: 1 << 20,
			Header: &conform.Header{Fin: true, Opcode: 2, Length: 1 << 20},
		}
	}
	const cases = 300
	for i := range cases {
		report.Results = append(report.Results, conform.Result{
			ID: fmt.Sprint("1.", i), Group: "1", Verdict: conform.OK, Closing: conform.ClosingOK, Wire: wire,
		})
	}
	if n := len(writeHTML(t, report)); n > cases*6<<10 {
		t.Errorf("%d bytes", n)
	}
}
