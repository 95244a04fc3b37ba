package connect

import (
	"bufio"
	"io"
	"os"

	"golang.org/x/term"
)

// longestLine bounds a line of a pipe.
const longestLine = 64 << 20

// Piped are the lines of a pipe or a file.
func Piped(in io.Reader) func() (string, error) {
	lines := bufio.NewScanner(in)
	lines.Buffer(nil, longestLine)
	return func() (string, error) {
		if !lines.Scan() {
			if err := lines.Err(); err != nil {
				return "", err
			}
			return "", io.EOF
		}
		return lines.Text(), nil
	}
}

// Typed are the lines that a person types, who can edit each. What is to be seen beside them goes
// to out. restore gives the terminal back. Ctrl-C and Ctrl-D end the lines. ok is false if
// standard input or output is no terminal.
func Typed(stdin, stdout *os.File) (lines func() (string, error), out io.Writer, restore func(), ok bool) {
	fd := int(stdin.Fd())
	if os.Getenv("TERM") == "dumb" || !term.IsTerminal(fd) || !term.IsTerminal(int(stdout.Fd())) {
		return nil, nil, nil, false
	}
	before, err := term.MakeRaw(fd)
	if err != nil {
		return nil, nil, nil, false
	}
	t := term.NewTerminal(struct {
		io.Reader
		io.Writer
	}{stdin, stdout}, "> ")
	if width, height, err := term.GetSize(int(stdout.Fd())); err == nil && width > 0 {
		_ = t.SetSize(width, height) // it fails only if it cannot write
	}
	return t.ReadLine, t, func() { _ = term.Restore(fd, before) }, true
}
