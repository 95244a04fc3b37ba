// Package report shows what a conformance run came to: a progress bar while it
// runs, a table at its end, and files in JSON for programs, in JUnit's XML for
// CI systems and in HTML for people.
//
// # Hostile text
//
// What a server sent ends up in all of them, so nothing of it is written as it
// came: control characters, terminal sequences and characters that turn the
// direction of text are shown as escapes, and each form escapes what is markup in
// it. The HTML page may load nothing and run no script but its own.
//
// # The forms
//
// [WriteJSON] keeps everything a run has kept and is stable: schema.json beside
// this file describes it, and "format" counts up when a program that read it would
// no longer understand it. [WriteJUnit] and [WriteHTML] shorten wire logs, those of
// cases that passed the most.
package report
