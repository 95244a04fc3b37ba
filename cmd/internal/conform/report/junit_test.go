package report

import (
	"bytes"
	"encoding/xml"
	"reflect"
	"testing"

	"github.com/framerail/framerail/cmd/internal/printable"
)

func TestWriteJUnit(t *testing.T) {
	var out bytes.Buffer
	if err := WriteJUnit(&out, sample()); err != nil {
		t.Fatal(err)
	}
	visible(t, out.Bytes())
	golden(t, "junit.xml", out.Bytes())

	var got junitSuites
	if err := xml.Unmarshal(out.Bytes(), &got); err != nil {
		t.Fatal(err)
	}
	if got.Tests != 7 || got.Failures != 2 || got.Skipped != 1 {
		t.Errorf("%d tests, %d failures, %d skipped; want 7, 2, 1", got.Tests, got.Failures, got.Skipped)
	}
	var sums [3]int
	for _, s := range got.Suites {
		sums[0] += s.Tests
		sums[1] += s.Failures
		sums[2] += s.Skipped
	}
	if want := [3]int{got.Tests, got.Failures, got.Skipped}; !reflect.DeepEqual(sums, want) {
		t.Errorf("the suites add up to %v, want %v", sums, want)
	}
	if failure := got.Suites[1].Cases[0].Failure; failure == nil || failure.Message != "pong of 126 B: "+printable.Text(hostile) {
		t.Errorf("the failure reads %+v", failure)
	}
}
