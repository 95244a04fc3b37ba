// Package report shows the results of a conformance run. It has a progress bar while the
// run goes on, and a table at its end. It writes JSON for programs, JUnit's XML for CI
// systems, and HTML for people.
//
// # Hostile text
//
// All of these show bytes that a server has sent, so they write none of them unchanged.
// Control characters, terminal sequences, and characters that turn the direction of text
// are shown as escapes. Each form escapes its own markup. The HTML page may load nothing,
// and runs only its own script.
//
// # The forms
//
// [WriteJSON] writes everything that a run has kept. Its form is stable: schema.json beside
// this file describes it. "format" counts up when programs that read it would no longer
// understand it. [WriteJUnit] and [WriteHTML] shorten wire logs, most of all those of
// cases that passed.
package report
