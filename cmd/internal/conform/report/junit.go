package report

import (
	"encoding/xml"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/framerail/framerail/cmd/internal/conform"
	"github.com/framerail/framerail/cmd/internal/printable"
)

// The XML that JUnit's Ant task wrote first and that CI systems read: a suite
// for each group, a test case for each case.
type (
	junitSuites struct {
		XMLName  xml.Name     `xml:"testsuites"`
		Name     string       `xml:"name,attr"`
		Tests    int          `xml:"tests,attr"`
		Failures int          `xml:"failures,attr"`
		Errors   int          `xml:"errors,attr"`
		Skipped  int          `xml:"skipped,attr"`
		Time     string       `xml:"time,attr"`
		Suites   []junitSuite `xml:"testsuite"`
	}
	junitSuite struct {
		Name       string          `xml:"name,attr"`
		Tests      int             `xml:"tests,attr"`
		Failures   int             `xml:"failures,attr"`
		Errors     int             `xml:"errors,attr"`
		Skipped    int             `xml:"skipped,attr"`
		Time       string          `xml:"time,attr"`
		Timestamp  string          `xml:"timestamp,attr"`
		Properties []junitProperty `xml:"properties>property"`
		Cases      []junitCase     `xml:"testcase"`
	}
	junitProperty struct {
		Name  string `xml:"name,attr"`
		Value string `xml:"value,attr"`
	}
	junitCase struct {
		Name    string        `xml:"name,attr"`
		Class   string        `xml:"classname,attr"`
		Time    string        `xml:"time,attr"`
		Failure *junitMessage `xml:"failure"`
		Skipped *junitMessage `xml:"skipped"`
		Out     string        `xml:"system-out,omitempty"`
	}
	junitMessage struct {
		Message string `xml:"message,attr"`
		Type    string `xml:"type,attr,omitempty"`
		Text    string `xml:",chardata"`
	}
)

// WriteJUnit writes the report for CI systems. A case that has not passed is a
// failure, an unimplemented one is skipped; one that is not strict or informational
// passes and says so in its output.
func WriteJUnit(w io.Writer, report *conform.Report) error {
	groups, total := summarize(report.Results)
	suites := junitSuites{
		Name: "framerail conform", Tests: len(total.Results), Failures: total.failures(),
		Skipped: total.Skipped, Time: seconds(report.Took),
	}
	for _, g := range groups {
		suites.Suites = append(suites.Suites, newJUnitSuite(report, g))
	}
	if _, err := io.WriteString(w, xml.Header); err != nil {
		return err
	}
	enc := xml.NewEncoder(w)
	enc.Indent("", "  ")
	if err := enc.Encode(&suites); err != nil {
		return err
	}
	_, err := io.WriteString(w, "\n")
	return err
}

func newJUnitSuite(report *conform.Report, g *summary) junitSuite {
	s := junitSuite{
		Name: g.Group, Tests: len(g.Results), Failures: g.failures(), Skipped: g.Skipped,
		Time: seconds(g.Took), Timestamp: report.Started.UTC().Format("2006-01-02T15:04:05"),
		Properties: []junitProperty{
			{"url", printable.Text(report.URL)},
			{"agent", printable.Text(report.Agent)},
			{"version", report.Version},
		},
	}
	for _, r := range g.Results {
		s.Cases = append(s.Cases, newJUnitCase(g.Group, r))
	}
	return s
}

func newJUnitCase(group string, r *conform.Result) junitCase {
	// Tools split a class name at its dots, into packages.
	c := junitCase{Name: r.ID + " " + r.Title, Class: strings.ReplaceAll(group, ".", " "), Time: seconds(r.Took)}
	switch {
	case !r.Passed():
		word, why := fault(r)
		c.Failure = &junitMessage{Message: why, Type: word, Text: junitDetail(r)}
	case r.Verdict == conform.Unimplemented:
		c.Skipped = &junitMessage{Message: printable.Text(r.Came)}
	case r.Verdict != conform.OK:
		c.Out = junitDetail(r)
	}
	return c
}

// junitDetail is what one wants to read in a CI's log.
func junitDetail(r *conform.Result) string {
	var s strings.Builder
	fmt.Fprintf(&s, "\n%s %s\n", r.ID, r.Title)
	for _, row := range [][2]string{
		{"sent", r.Sent}, {"expected", r.Expected}, {"came", r.Came},
		{"verdict", r.Verdict.String()}, {"closing", r.Closing.String() + closingDetail(r)},
	} {
		fmt.Fprintf(&s, "%-9s %s\n", row[0]+":", printable.Text(row[1]))
	}
	for _, l := range lines(r.Wire, excerptOf(r)) {
		s.WriteString(l.String())
		s.WriteByte('\n')
	}
	return s.String()
}

func closingDetail(r *conform.Result) string {
	if r.Ended == "" {
		return ""
	}
	return ": " + r.Ended
}

func seconds(d time.Duration) string {
	return strconv.FormatFloat(d.Seconds(), 'f', 3, 64)
}
