// Package stacktrace formats a stack as one line of a log: the program's functions, the innermost
// first, each with its place, as in
//
//	main.onMessage /src/chat/main.go:41 < main.answer /src/chat/main.go:30
//
// A stack of package runtime has many lines. A handler of package slog would put escaped line
// feeds between them.
package stacktrace

import (
	"bytes"
	"runtime"
	"strconv"
	"strings"
)

// most is how many functions a line has at most.
const most = 32

// own are the functions that call the program's. The line ends before them. A name with a dot at its
// end stands for the literals in that function.
var own = [...]string{
	"github.com/framerail/framerail/conn.(*Conn).OnMessage.",
	"github.com/framerail/framerail/conn.(*Conn).OnStream.",
	"github.com/framerail/framerail/conn.(*Conn).OnPing.",
	"github.com/framerail/framerail/conn.(*Conn).OnPong.",
	"github.com/framerail/framerail/conn.(*Conn).OnClose.",
	"github.com/framerail/framerail/conn.(*Conn).OnDrained.",
	"github.com/framerail/framerail/conn.control.",
	"github.com/framerail/framerail/internal/callbacks.",
	"github.com/framerail/framerail/internal/session.event.call",
	"github.com/framerail/framerail/internal/session.(*reading).piece",
	"github.com/framerail/framerail/internal/session.(*reading).lend",
	"github.com/framerail/framerail/internal/phase.(*tlsHandshakes).runHandshake",
	"github.com/framerail/framerail/server.(*judge).askProgram",
	"github.com/framerail/framerail/topics.callback.contain",
	"github.com/framerail/framerail/topics.(*Topics).reportTopic.",
	"github.com/framerail/framerail/topics.(*Topics).reportLost.",
}

// isOwn reports whether a function is one of own.
func isOwn(function string) bool {
	for _, name := range own {
		if function == name || strings.HasSuffix(name, ".") && strings.HasPrefix(function, name) {
			return true
		}
	}
	return false
}

// Panic returns the place where the program has panicked, or called runtime.Goexit. Call it in the
// deferred function that recovers, or in a function that this one calls.
func Panic() string {
	var pcs [2 * most]uintptr
	frames := runtime.CallersFrames(pcs[:runtime.Callers(1, pcs[:])])
	var l line
	for begun, more := false, true; more; {
		var f runtime.Frame
		f, more = frames.Next()
		switch {
		case f.Function == "runtime.gopanic" || f.Function == "runtime.Goexit":
			l, begun = line{}, true // of several panics the first is the cause
		case begun:
			if !l.add(f.Function, f.File+":"+strconv.Itoa(f.Line)) {
				more = false
			}
		}
	}
	return l.String()
}

// Goroutine returns the place of a goroutine, from a stack of runtime.Stack.
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

// line is the line in progress.
type line struct {
	strings.Builder
	functions int
}

// add appends a function, except those of the runtime before the first. It returns false after the
// last function that is wanted.
func (l *line) add(function, place string) bool {
	if l.functions == 0 && isWaiting(function) {
		return true
	}
	if l.functions == most || function == "runtime.goexit" || isOwn(function) {
		return false
	}
	if l.functions > 0 {
		l.WriteString(" < ")
	}
	l.WriteString(function + " " + place)
	l.functions++
	return true
}

// isWaiting reports whether a program waits or panics with this function. Its caller says more than
// the function itself.
func isWaiting(function string) bool {
	for _, p := range [...]string{"runtime.", "internal/", "sync.", "time.", "syscall.", "panic"} {
		if strings.HasPrefix(function, p) {
			return true
		}
	}
	return false
}

// Number is the number of the calling goroutine, as stacks show it; 0 if they do not.
func Number() int64 {
	var buf [64]byte
	head := buf[:runtime.Stack(buf[:], false)]
	head = bytes.TrimPrefix(head, []byte("goroutine "))
	digits, _, _ := bytes.Cut(head, []byte(" "))
	id, _ := strconv.ParseInt(string(digits), 10, 64)
	return id
}
