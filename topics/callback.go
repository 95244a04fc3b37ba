package topics

import (
	"cmp"
	"log/slog"
	"time"

	"github.com/framerail/framerail/internal/sampler"
	"github.com/framerail/framerail/internal/stacktrace"
)

// callback is a call of one of the program's callbacks.
type callback struct {
	name string
	run  func()
}

// call has a callback called. On the goroutine of the callbacks.
func (e *events) call(name string, run func()) { e.calls = append(e.calls, callback{name, run}) }

// callBack calls the program back until there is nothing to report. A callback that calls
// runtime.Goexit ends the goroutine. Then another goes on with what is left.
func (h *Topics) callBack() {
	done := false
	defer func() {
		if !done {
			go h.callBack()
		}
	}()
	e := &h.events
	for {
		for len(e.calls) > 0 {
			c := e.calls[0]
			e.calls[0] = callback{}
			e.calls = e.calls[1:]
			c.contain(h)
		}
		if !e.report(h) {
			done = true
			return
		}
	}
}

// contain calls a callback. One that panics, or calls runtime.Goexit, is logged and counted.
func (c callback) contain(h *Topics) {
	returned := false
	defer func() {
		if returned {
			return
		}
		p := recover()
		if p == nil {
			p = "runtime.Goexit"
		}
		h.notePanic(c.name, p)
	}()
	c.run()
	returned = true
}

// notePanic logs and counts a callback that panicked.
func (h *Topics) notePanic(name string, p any) {
	h.counts.panics.Add(1)
	e := &h.events
	e.logging.Do(func() {
		e.logger = slog.New(sampler.New(cmp.Or(h.Logger, slog.Default()).Handler(), time.Now))
	})
	e.logger.Error("framerail: a callback panicked", "callback", name, "panic", p, "stack", stacktrace.Panic())
}
