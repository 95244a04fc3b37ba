package report

import (
	"os"

	"golang.org/x/term"
)

// Plain reports whether what goes to f should do without colours, rules and what
// moves: f is no terminal, the terminal is dumb, or NO_COLOR is set.
func Plain(f *os.File) bool {
	return os.Getenv("NO_COLOR") != "" || !moves(f)
}

// moves reports whether what was written to f can be overwritten.
func moves(f *os.File) bool {
	return os.Getenv("TERM") != "dumb" && term.IsTerminal(int(f.Fd()))
}
