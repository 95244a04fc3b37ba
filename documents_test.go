package framerail_test

import (
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"unicode/utf8"
)

// wordsMost is the mean length of a sentence, in words, that a document may have.
const wordsMost = 17

// workspace tells whether the other modules of the workspace lie beside this one. The module
// alone has no folder bench, to which documents link.
func workspace() bool {
	_, err := os.Stat("go.work")
	return err == nil
}

// documents are the Markdown files of the tree, by their path.
func documents(t *testing.T) map[string]string {
	return files(t, func(name string) bool { return filepath.Ext(name) == ".md" })
}

// packageComments are the comments of the tree's doc.go files, by their path.
func packageComments(t *testing.T) map[string]string {
	texts := files(t, func(name string) bool { return name == "doc.go" })
	for path, text := range texts {
		comment, _, _ := strings.Cut(text, "\npackage ")
		comment = regexp.MustCompile(`(?m)^//\t.*$`).ReplaceAllString(comment, "")
		texts[path] = regexp.MustCompile(`(?m)^// {0,3}`).ReplaceAllString(comment, "")
	}
	return texts
}

// files reads those files of the tree whose name is wanted, by their path.
func files(t *testing.T, wanted func(name string) bool) map[string]string {
	texts := map[string]string{}
	err := filepath.WalkDir(".", func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name := entry.Name()
		if entry.IsDir() && (name == "node_modules" || name == "testdata" || strings.HasPrefix(name, ".") && name != ".") {
			return filepath.SkipDir
		}
		if entry.IsDir() || !wanted(name) {
			return nil
		}
		text, err := os.ReadFile(path)
		texts[path] = string(text)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return texts
}

var (
	code     = regexp.MustCompile("(?s)```.*?```")
	link     = regexp.MustCompile(`\[[^\]]*\]\(([^)\s]+)\)`)
	heading  = regexp.MustCompile(`(?m)^#+ (.*)$`)
	notWord  = regexp.MustCompile(`[^\p{L}\p{N} _-]`)
	noProse  = regexp.MustCompile(`(?m)^(\||#|    ).*$`)
	block    = regexp.MustCompile(`\n\s*\n|\n(?:[-*]|\d+\.) `)
	sentence = regexp.MustCompile("[.!?:]\\s+[A-Z`\\[]")
	word     = regexp.MustCompile("[A-Za-z0-9_'`.-]+")
)

// anchors are the fragments that lead to a document's headings.
func anchors(text string) map[string]bool {
	found := map[string]bool{}
	for _, match := range heading.FindAllStringSubmatch(code.ReplaceAllString(text, ""), -1) {
		title := notWord.ReplaceAllString(strings.ToLower(match[1]), "")
		found[strings.ReplaceAll(title, " ", "-")] = true
	}
	return found
}

func TestDocuments_LinksLeadSomewhere(t *testing.T) {
	if !workspace() {
		t.Skip("the module alone, without the others of the workspace")
	}
	texts := documents(t)
	for path, text := range texts {
		for _, match := range link.FindAllStringSubmatch(code.ReplaceAllString(text, ""), -1) {
			target, fragment, _ := strings.Cut(match[1], "#")
			if strings.Contains(target, "://") {
				continue
			}
			to := path
			if target != "" {
				to = filepath.Join(filepath.Dir(path), target)
			}
			if _, err := os.Stat(to); err != nil {
				t.Errorf("%s links to %s, which is not there", path, match[1])
			} else if fragment != "" && filepath.Ext(to) == ".md" && !anchors(texts[to])[fragment] {
				t.Errorf("%s links to %s, and there is no such heading", path, match[1])
			}
		}
	}
}

// A reader stumbles over long sentences. The mean of a document says whether it has many.
func TestDocuments_SentencesAreShort(t *testing.T) {
	texts := documents(t)
	maps.Copy(texts, packageComments(t))
	for path, text := range texts {
		if path == filepath.FromSlash("bench/figures/results.md") {
			continue // lists of figures, made by a program
		}
		sentences, words := 0, 0
		text = noProse.ReplaceAllString(code.ReplaceAllString(text, ""), "")
		for _, part := range block.Split(text, -1) {
			for _, s := range strings.Split(sentence.ReplaceAllStringFunc(part, func(end string) string {
				return end[:1] + "\x00" + end[len(end)-1:]
			}), "\x00") {
				if n := len(word.FindAllString(s, -1)); n > 2 {
					sentences, words = sentences+1, words+n
				}
			}
		}
		if words > wordsMost*sentences {
			t.Errorf("%s has %d words in %d sentences: on average more than %d", path, words, sentences, wordsMost)
		}
	}
}

func TestDocuments_ReadmeIsShort(t *testing.T) {
	text, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(string(text), "\n")
	if len(lines) > 165 {
		t.Errorf("README.md has %d lines: move some to docs", len(lines))
	}
	for i, line := range lines {
		if utf8.RuneCountInString(line) > 100 && !strings.HasPrefix(line, "|") {
			t.Errorf("README.md:%d is longer than 100 columns", i+1)
		}
	}
}

// Whoever reads only the README can install each module that programs use.
func TestDocuments_ReadmeSaysHowToInstall(t *testing.T) {
	text, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, command := range []string{
		"go get github.com/framerail/framerail@latest",
		"go install github.com/framerail/framerail/cmd/framerail@latest",
		"go get github.com/framerail/framerail/server/promstats@latest",
	} {
		if !strings.Contains(string(text), "\n"+command) {
			t.Errorf("README.md has no %s", command)
		}
	}
}

func TestDocuments_EveryDecisionIsInTheIndex(t *testing.T) {
	records, err := filepath.Glob("docs/decisions/[0-9]*.md")
	if err != nil || len(records) == 0 {
		t.Fatalf("records: %d, %v", len(records), err)
	}
	index, err := os.ReadFile("docs/decisions/README.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, record := range records {
		if name := filepath.Base(record); !strings.Contains(string(index), "]("+name+")") {
			t.Errorf("docs/decisions/README.md has no row for %s", name)
		}
	}
}

// Packages for tests alone have one line together.
func TestDocuments_ArchitectureHasEveryPackage(t *testing.T) {
	text, err := os.ReadFile("ARCHITECTURE.md")
	if err != nil {
		t.Fatal(err)
	}
	for path := range files(t, func(name string) bool { return strings.HasSuffix(name, ".go") }) {
		dir := filepath.ToSlash(filepath.Dir(path))
		own := strings.HasPrefix(dir, "internal/") && !strings.HasPrefix(dir, "internal/test/")
		if own && !regexp.MustCompile("(?m)^"+dir+" ").Match(text) {
			t.Errorf("ARCHITECTURE.md has no line for %s", dir)
		}
	}
}
