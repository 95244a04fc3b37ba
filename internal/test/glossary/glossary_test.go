package glossary

import (
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"unicode"

	"github.com/framerail/framerail/internal/test/source"
)

const root = "../../.." // of the repository, from here

// split takes the words of an identifier or of a file's name apart, in lower case.
func split(name string) (parts []string) {
	runes := []rune(name)
	from := 0
	end := func(to int) {
		if from < to {
			parts = append(parts, strings.ToLower(string(runes[from:to])))
		}
		from = to
	}
	for i, r := range runes {
		switch {
		case !unicode.IsLetter(r):
			end(i)
			from = i + 1
		case unicode.IsUpper(r) && i > 0 && (!unicode.IsUpper(runes[i-1]) || i+1 < len(runes) && unicode.IsLower(runes[i+1])):
			end(i) // TLSRecord is of two words
		}
	}
	end(len(runes))
	return parts
}

func TestSplit(t *testing.T) {
	for name, want := range map[string][]string{
		"line":                {"line"},
		"bufferedLine2":       {"buffered", "line"},
		"TestTLSRecord_OnTop": {"test", "tls", "record", "on", "top"},
		"accept_unix":         {"accept", "unix"},
		"HTTP":                {"http"},
		"_":                   nil,
	} {
		if got := split(name); !slices.Equal(got, want) {
			t.Errorf("%s is of %q, want %q", name, got, want)
		}
	}
}

// names lists the identifiers of a file, and the name of the file.
func names(t *testing.T, file string) (all []string) {
	t.Helper()
	f, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.SkipObjectResolution)
	if err != nil {
		t.Fatal(err)
	}
	all = append(all, strings.TrimSuffix(filepath.Base(file), ".go"))
	ast.Inspect(f, func(n ast.Node) bool {
		if id, ok := n.(*ast.Ident); ok {
			all = append(all, id.Name)
		}
		return true
	})
	return all
}

func TestNames_AreTheFieldsTerms(t *testing.T) {
	files, err := source.Files(root)
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	found := map[string]string{} // folder and identifier to the word in it
	for _, file := range files {
		folder, err := filepath.Rel(root, filepath.Dir(file))
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range names(t, file) {
			for _, word := range split(name) {
				if words[word] != "" {
					found[filepath.ToSlash(folder)+" "+name] = word
				}
			}
		}
	}
	for _, where := range slices.Sorted(maps.Keys(found)) {
		if exceptions[where] == "" {
			t.Errorf("%s: not %q, but %q", where, found[where], words[found[where]])
		}
	}
	for _, where := range slices.Sorted(maps.Keys(exceptions)) {
		if found[where] == "" {
			t.Errorf("%s is an exception that nothing needs", where)
		}
	}
}
