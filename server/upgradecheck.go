package server

import (
	"context"
	"errors"

	"github.com/framerail/framerail/internal/handshake"
	"github.com/framerail/framerail/internal/phase"
)

// askHandler asks the program on the goroutine of a handler of net/http's.
func (r *running) askHandler(h *Handshake) *handshake.Refusal {
	if !r.before.ChecksOnGoroutines {
		return r.judge.askProgram(h)
	}
	defer r.asking.Add(-1)
	if r.asking.Add(1) > int64(r.before.ChecksAtOnce*len(r.loops)) {
		return phase.ErrCheckBusy
	}
	r.onGoroutines.Begin()
	defer r.onGoroutines.End()

	ending, end := context.WithCancelCause(h.Request.Context())
	defer end(nil)
	ctx, stop := context.WithTimeout(ending, r.before.CheckTimeout)
	defer stop()
	defer context.AfterFunc(r.stop, func() {
		r.platform.Await(ctx.Done(), r.cut.Done(), r.platform.Now().Add(phase.DrainGrace))
		end(ErrServerClosed)
	})()
	h.Request = h.Request.WithContext(ctx)
	refusal := r.judge.askProgram(h)
	switch {
	case errors.Is(context.Cause(ctx), ErrServerClosed):
		return phase.ErrDraining
	case errors.Is(ctx.Err(), context.DeadlineExceeded):
		return phase.ErrCheckLate
	}
	return refusal
}
