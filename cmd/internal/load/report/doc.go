// Package report shows a load run while it goes on, and its results.
// They are plain text, JSON and CSV for programs, and HTML with plots.
package report
