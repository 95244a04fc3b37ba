package connect

import (
	"fmt"
	"io"
	"os"
	"testing"

	"golang.org/x/sys/unix"
)

// terminal is a terminal of the test's: what a person types is written to keys.
func terminal(t *testing.T) (keys, screen *os.File) {
	t.Helper()
	keys, err := os.OpenFile("/dev/ptmx", os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Skip(err)
	}
	t.Cleanup(func() { keys.Close() })
	if err := unix.IoctlSetPointerInt(int(keys.Fd()), unix.TIOCSPTLCK, 0); err != nil {
		t.Fatal(err)
	}
	n, err := unix.IoctlGetInt(int(keys.Fd()), unix.TIOCGPTN)
	if err != nil {
		t.Fatal(err)
	}
	screen, err = os.OpenFile(fmt.Sprintf("/dev/pts/%d", n), os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { screen.Close() })
	return keys, screen
}

func mode(t *testing.T, f *os.File) unix.Termios {
	t.Helper()
	m, err := unix.IoctlGetTermios(int(f.Fd()), unix.TCGETS)
	if err != nil {
		t.Fatal(err)
	}
	return *m
}

// A person edits a line before it is sent, and has the terminal back at the end.
func TestTyped_LinesOfATerminal(t *testing.T) {
	t.Setenv("TERM", "xterm")
	keys, screen := terminal(t)
	before := mode(t, screen)
	lines, out, restore, ok := Typed(screen, screen)
	if !ok {
		t.Fatal("it is no terminal")
	}
	if mode(t, screen) == before {
		t.Error("the terminal still edits lines itself")
	}
	go func() { _, _ = io.Copy(io.Discard, keys) }() // what is to be seen
	const backspace, ctrlD = "\x7f", "\x04"
	if _, err := io.WriteString(keys, "helpp"+backspace+"\rbye\r"+ctrlD); err != nil {
		t.Fatal(err)
	}
	if _, err := fmt.Fprintln(out, "a message that comes meanwhile"); err != nil {
		t.Error(err)
	}
	for _, want := range []string{"help", "bye"} {
		if got, err := lines(); got != want || err != nil {
			t.Errorf("%q, %v, want %q", got, err, want)
		}
	}
	if got, err := lines(); err != io.EOF {
		t.Errorf("after Ctrl-D: %q, %v", got, err)
	}
	restore()
	if mode(t, screen) != before {
		t.Error("the terminal is not as it was")
	}
}

// What is no terminal is not edited.
func TestTyped_NoTerminal(t *testing.T) {
	f, err := os.Open(os.DevNull)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, _, _, ok := Typed(f, f); ok {
		t.Error("the null device is a terminal")
	}
	t.Setenv("TERM", "dumb")
	if _, screen := terminal(t); screen != nil {
		if _, _, _, ok := Typed(screen, screen); ok {
			t.Error("a dumb terminal edits lines")
		}
	}
}
