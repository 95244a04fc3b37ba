// Package stacktrace writes down where a program is, for one line of a log: its functions, the
// innermost first, each with its place, as in
//
//	main.onMessage /src/chat/main.go:41 < main.answer /src/chat/main.go:30
//
// A stack as package runtime writes it has a line for each, which a log's handler makes one
// of, with what ends lines in between.
package stacktrace

import (
	"runtime"
	"strconv"
	"strings"
)

// most is how many functions are written down.
const most = 32

// own are the functions that call the program's: what is beyond them is not its concern.
var own = [...]string{
	"github.com/framerail/framerail/internal/session.(*Conn).call",
	"github.com/framerail/framerail/internal/session.(*Driver).piece",
	"github.com/framerail/framerail/server.(*running).askProgram",
	"github.com/framerail/framerail/server.(*running).shakeHands",
}

// Panic is where the program has panicked, or called runtime.Goexit, for the deferred
// function that finds it out, and those that it calls.
func Panic() string {
	var pcs [2 * most]uintptr
	frames := runtime.CallersFrames(pcs[:runtime.Callers(1, pcs[:])])
	var l line
	for begun, more := false, true; more; {
		var f runtime.Frame
		f, more = frames.Next()
		switch {
		case f.Function == "runtime.gopanic" || f.Function == "runtime.Goexit":
			l, begun = line{}, true // of several, what came first is the cause
		case begun:
			if !l.add(f.Function, f.File+":"+strconv.Itoa(f.Line)) {
				more = false
			}
		}
	}
	return l.String()
}

// Goroutine is where a goroutine is, of which runtime.Stack has written this.
func Goroutine(stack string) string {
	var l line
	lines := strings.Split(stack, "\n")
	for i := 1; i+1 < len(lines); i += 2 {
		function := lines[i]
		if strings.HasPrefix(function, "created by ") {
			break
		}
		if end := strings.LastIndexByte(function, '('); end > 0 {
			function = function[:end]
		}
		place, _, _ := strings.Cut(strings.TrimSpace(lines[i+1]), " +0x")
		if !l.add(function, place) {
			break
		}
	}
	return l.String()
}

// line is what is written down.
type line struct {
	strings.Builder
	functions int
}

// add writes a function down, but for those of the runtime before the first. It is false when
// that was the last to look at.
func (l *line) add(function, place string) bool {
	if l.functions == 0 && isWaiting(function) {
		return true
	}
	for _, name := range own {
		if function == name {
			return false
		}
	}
	if l.functions == most || function == "runtime.goexit" {
		return false
	}
	if l.functions > 0 {
		l.WriteString(" < ")
	}
	l.WriteString(function + " " + place)
	l.functions++
	return true
}

// isWaiting tells the functions with which a program waits, or panics: they say less than
// who has called them.
func isWaiting(function string) bool {
	for _, p := range [...]string{"runtime.", "internal/", "sync.", "time.", "syscall.", "panic"} {
		if strings.HasPrefix(function, p) {
			return true
		}
	}
	return false
}
