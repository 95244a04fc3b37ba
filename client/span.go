package client

import (
	"context"
	"time"

	"github.com/framerail/framerail/internal/platform"
)

// span is the context of a dial on a simulated machine. There the time of contexts is not the machine's, and
// what package context does on goroutines would happen at any moment. Its Done is the program's: whoever waits
// looks at Err and Deadline, too.
type span struct {
	context.Context                 // the program's
	stop            context.Context // of the client
	until           time.Time
	system          platform.Platform
}

// spanOf is the context of a dial.
func (r *running) spanOf(program context.Context) *span {
	return &span{program, r.stop, r.system.Now().Add(r.handshakeTimeout), r.system}
}

// Deadline implements context.Context, as Err does. Err does not look at the clock.
func (s *span) Deadline() (time.Time, bool) { return s.until, true }

func (s *span) Err() error {
	if err := s.Context.Err(); err != nil {
		return err
	}
	return s.stop.Err()
}

// causeOf is context.Cause, for a span too.
func causeOf(ctx context.Context) error {
	s, ok := ctx.(*span)
	switch {
	case !ok:
		return context.Cause(ctx)
	case s.Context.Err() != nil:
		return context.Cause(s.Context)
	case s.stop.Err() != nil:
		return context.Cause(s.stop)
	case !s.system.Now().Before(s.until):
		return errLate
	}
	return nil
}

// errOf is the error of a context that has ended for a cause.
func errOf(ctx context.Context, cause error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	return cause
}
