package server

import (
	"context"
	"errors"

	"github.com/framerail/framerail/internal/handshake"
)

// askHandler asks the program on the goroutine of a handler of net/http's.
func (r *running) askHandler(h *Handshake) *handshake.Refusal {
	if !r.checkOnGoroutine {
		return r.askProgram(h)
	}
	defer r.asking.Add(-1)
	if r.asking.Add(1) > int64(r.checksAtOnce*len(r.loops)) {
		return errCheckBusy
	}
	r.onGoroutines.begin()
	defer r.onGoroutines.end()

	ending, end := context.WithCancelCause(h.Request.Context())
	defer end(nil)
	ctx, stop := context.WithTimeout(ending, r.checkTimeout)
	defer stop()
	defer context.AfterFunc(r.stop, func() {
		r.kernel.Await(ctx.Done(), r.cut.Done(), r.kernel.Now().Add(drainGrace))
		end(ErrServerClosed)
	})()
	h.Request = h.Request.WithContext(ctx)
	refusal := r.askProgram(h)
	switch {
	case errors.Is(context.Cause(ctx), ErrServerClosed):
		return errDraining
	case errors.Is(ctx.Err(), context.DeadlineExceeded):
		return errCheckLate
	}
	return refusal
}
