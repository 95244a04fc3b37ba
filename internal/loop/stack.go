package loop

import (
	"bytes"
	"reflect"
	"runtime"
	"slices"
	"strconv"
	"strings"

	"github.com/framerail/framerail/internal/session"
)

// stackOf is the stack of the goroutine with that number, if it is within the first stacksMost bytes of
// all stacks. Loops are among the first, because they began with the server. The look stops the world.
func stackOf(id int64) (stack string, found bool) {
	head := []byte("goroutine " + strconv.FormatInt(id, 10) + " [")
	for size := stacksFirst; size <= stacksMost; size *= 8 {
		all := make([]byte, size)
		all = all[:runtime.Stack(all, true)]
		for rest := all; len(rest) > 0; {
			var one []byte
			one, rest, _ = bytes.Cut(rest, []byte("\n\n"))
			if bytes.HasPrefix(one, head) && (len(rest) > 0 || len(all) < size) {
				return string(one), true
			}
		}
		if len(all) < size {
			break
		}
	}
	return "", false
}

// callers are the functions of package session that call the program's callbacks on a loop.
var callers = [...]string{
	reflect.TypeFor[session.Conn]().PkgPath() + ".event.call(",
	reflect.TypeFor[session.Conn]().PkgPath() + ".(*reading).piece(",
	reflect.TypeFor[session.Conn]().PkgPath() + ".(*reading).lend(",
}

// inCallback reports whether a loop's stack shows a callback: one of callers, and a function that it has
// called.
func (o *Options) inCallback(stack string) bool {
	_, frames, _ := strings.Cut(stack, "\n")
	calls := func(name string) bool { return strings.Index(frames, "\n"+name) > 0 }
	return slices.ContainsFunc(callers[:], calls) || slices.ContainsFunc(o.Callers, calls)
}

// OnLoop reports whether the caller runs on an event loop. A callback that another goroutine can take the
// loop from loses it, because its caller is about to wait. From any goroutine.
func OnLoop() bool { return session.RunsOnLoop() }

// WithinLoop reports whether the caller is a callback on an event loop, or one that has lost it. Such a caller
// must not wait for its own end. It loses no loop. From any goroutine.
func WithinLoop() bool { return session.WithinLoop() }
