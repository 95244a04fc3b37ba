package report

import (
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"fmt"
	"html/template"
	"io"
	"strings"

	"github.com/framerail/framerail/cmd/internal/conform"
	"github.com/framerail/framerail/cmd/internal/printable"
)

// WriteHTML writes the report as a page that needs nothing else: its style and
// its script are in it, and its policy lets it load nothing. Without the script
// all of it can be read, only not filtered.
func WriteHTML(w io.Writer, report *conform.Report) error {
	return page.Execute(w, newPage(report))
}

var (
	//go:embed page/page.html
	pageHTML string
	//go:embed page/page.css
	pageCSS string
	//go:embed page/page.js
	pageJS string

	page = template.Must(template.New("page").Parse(pageHTML))
)

// policy allows this style and this script by their hashes, and nothing else:
// what a server sent could not run even if it got through as markup.
var policy = fmt.Sprintf("default-src 'none'; style-src '%s'; script-src '%s'; img-src data:; base-uri 'none'; form-action 'none'",
	hash(pageCSS), hash(pageJS))

func hash(s string) string {
	sum := sha256.Sum256([]byte(s))
	return "sha256-" + base64.StdEncoding.EncodeToString(sum[:])
}

// pageView is what the template shows. Its strings are clean; the template
// escapes what is markup in them.
type pageView struct {
	Policy template.HTMLAttr
	Style  template.CSS
	Script template.JS

	URL, Agent, Version, Started, Took string

	Passed      bool
	Done, Cases string // those played
	NotAgreedOn string
	Verdicts    []verdictView // those that there are
	Groups      []groupView
}

type verdictView struct {
	Key, Name, Count string
	Share            string // percent of all cases
}

type groupView struct {
	Key, Name     string
	Note, Outcome string // how many have passed, and that as words
	Took          string
	Passed        bool
	Cases         []caseView
}

type caseView struct {
	ID, Title            string
	Key, Verdict         string // what it is filtered by, and the word for it
	Closing, ClosingMark string
	Ended, Took          string
	Sent, Expected, Came string
	Wire                 []line
}

func newPage(report *conform.Report) *pageView {
	groups, total := summarize(report.Results)
	p := &pageView{
		Policy: template.HTMLAttr(`content="` + policy + `"`),
		Style:  template.CSS(pageCSS), Script: template.JS(pageJS),
		URL: printable.Text(report.URL), Agent: printable.Text(report.Agent), Version: printable.Text(report.Version),
		Started: report.Started.UTC().Format("2006-01-02 15:04 UTC"), Took: took(report.Took),
		Passed: report.Passed(), Done: count(total.Passed), Cases: count(total.played()), NotAgreedOn: total.notAgreedOn(),
	}
	p.Verdicts = verdictViews(total)
	for i, g := range groups {
		p.Groups = append(p.Groups, newGroupView(i, g))
	}
	return p
}

// verdictKey is a result's class: its verdict, or that its closing is all that is
// wrong with it.
func verdictKey(r *conform.Result) string {
	if !r.Passed() && r.Verdict != conform.Failed {
		return "closing"
	}
	return strings.ToLower(r.Verdict.String())
}

func verdictViews(total *summary) []verdictView {
	n := map[string]int{}
	for _, r := range total.Results {
		n[verdictKey(r)]++
	}
	var views []verdictView
	add := func(key, name string) {
		if n[key] > 0 {
			share := fmt.Sprintf("%.3f", 100*float64(n[key])/float64(len(total.Results)))
			views = append(views, verdictView{key, name, count(n[key]), share})
		}
	}
	for _, v := range conform.Verdicts() {
		if v == conform.Failed {
			add("closing", "CLOSING")
		}
		add(strings.ToLower(v.String()), v.String())
	}
	return views
}

func newGroupView(i int, g *summary) groupView {
	v := groupView{
		Key: fmt.Sprintf("g%d", i), Name: printable.Text(g.Group), Took: took(g.Took), Passed: g.failures() == 0,
		Note: fmt.Sprintf("%s of %s", count(g.Passed), count(g.played())),
	}
	v.Outcome = v.Note + " passed"
	if g.played() == 0 {
		v.Note, v.Outcome = "not agreed on", "not agreed on"
	}
	for _, r := range g.Results {
		v.Cases = append(v.Cases, newCaseView(r))
	}
	return v
}

func newCaseView(r *conform.Result) caseView {
	c := caseView{
		ID: printable.Text(r.ID), Title: printable.Text(r.Title), Key: verdictKey(r), Verdict: r.Verdict.String(),
		Closing: r.Closing.String(), Ended: printable.Text(r.Ended), Took: took(r.Took),
		Sent: printable.Text(r.Sent), Expected: printable.Text(r.Expected), Came: printable.Text(r.Came),
		Wire: lines(r.Wire, excerptOf(r)),
	}
	switch r.Closing {
	case conform.ClosingOK, conform.ClosingInformational, conform.ClosingUnimplemented:
	default:
		c.ClosingMark = c.Closing
	}
	return c
}
