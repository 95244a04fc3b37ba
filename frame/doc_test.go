package frame

import (
	"os"
	"strings"
	"testing"
)

// The program in the package documentation is the one that the example runs.
func TestDocumentedProgramIsTheExample(t *testing.T) {
	doc, err := os.ReadFile("doc.go")
	if err != nil {
		t.Fatal(err)
	}
	example, err := os.ReadFile("example_test.go")
	if err != nil {
		t.Fatal(err)
	}
	var program strings.Builder
	for line := range strings.Lines(string(doc)) {
		if code, ok := strings.CutPrefix(line, "//\t"); ok {
			program.WriteString(code)
		} else if program.Len() > 0 && line == "//\n" {
			program.WriteString("\n")
		} else if program.Len() > 0 {
			break
		}
	}
	text := strings.TrimSpace(program.String())
	if !strings.HasPrefix(text, "func serve(") || !strings.HasSuffix(text, "}") {
		t.Fatalf("no program found in doc.go, but\n%s", text)
	}
	for _, f := range strings.SplitAfter(text, "\n}\n") {
		if !strings.Contains(string(example), strings.TrimSpace(f)) {
			t.Errorf("not in example_test.go:\n%s", f)
		}
	}
}
