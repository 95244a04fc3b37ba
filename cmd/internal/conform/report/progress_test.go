package report

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/framerail/framerail/cmd/internal/conform"
)

func TestProgress_shows_what_is_done_and_what_failed(t *testing.T) {
	var out bytes.Buffer
	p := &Progress{to: &out}
	p.Done(1, 20, conform.Result{ID: "6.4.1", Verdict: conform.OK, Closing: conform.ClosingOK})
	if got := out.String(); !strings.Contains(got, "6.4.1") || !strings.Contains(got, "1/20") || strings.Contains(got, "failed") {
		t.Errorf("the bar reads %q", got)
	}
	p.Done(2, 20, conform.Result{ID: "7.1.1"})
	if got := out.String(); !strings.Contains(got, "1 failed") || !strings.Contains(got, "2/20") {
		t.Errorf("the bar reads %q", got)
	}
	p.Finish() // before the end, as after an interrupt
	got := out.String()
	if strings.Contains(got, "\n") || !strings.HasSuffix(got, "\r") {
		t.Errorf("the bar has not been taken away: %q", got)
	}
}

func TestProgress_is_silent_without_a_terminal(t *testing.T) {
	f, err := os.Create(filepath.Join(t.TempDir(), "out"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	p := NewProgress(f)
	p.Done(1, 1, conform.Result{ID: "1.1.1"})
	p.Finish()
	if info, err := f.Stat(); err != nil || info.Size() != 0 {
		t.Errorf("%v bytes were written, %v", info.Size(), err)
	}
}
