// Package report shows the results of a load run. It writes plain text, and JSON for programs.
package report
