package server

import (
	"github.com/framerail/framerail/internal/buffer"
	"github.com/framerail/framerail/internal/gate"
	"github.com/framerail/framerail/internal/handshake"
	"github.com/framerail/framerail/internal/memory"
	"github.com/framerail/framerail/internal/secure"
)

// errNoMemory answers handshakes while the budget is nearly used up.
var errNoMemory = handshake.Unavailable(retryMemory)

const (
	// retryMemory is when those may come back, in seconds.
	retryMemory = 5
)

// boundMemory sets the budget for loops that do not run yet. The longest head that the limits
// allow, or the longest record of TLS, always has room.
func (r *running) boundMemory(limit int64) {
	var loops []memory.Loop
	for _, l := range r.loops {
		loops = append(loops, memoryLoop{l})
	}
	r.budget.Init(loops, memory.Options{
		Limit:    limit,
		Longest:  max(r.head.HeadBytes()+scratchSize, secure.LongestHello),
		Platform: r.kernel,
		Stopping: r.stopping,
		Logger:   r.logger,
	})
}

// excess is the answer to a connection for which there is no room; nil if there is.
func (r *running) excess(t gate.Ticket) *handshake.Refusal {
	if refusal := t.Refusal(); refusal != nil {
		return refusal
	}
	if r.budget.Tight() {
		return errNoMemory
	}
	return nil
}

// memoryLoop is a loop as the budget sees it. A connection's ID is its token.
type memoryLoop struct{ l *phases }

var _ memory.Loop = memoryLoop{}

// Pools implements memory.Loop, as the other methods do.
func (h memoryLoop) Pools() (open, unopened *buffer.Pool) {
	return h.l.Buffers(), &h.l.reader.heads
}

func (h memoryLoop) Ask(f func()) { h.l.Ask(f) }

func (h memoryLoop) Holders() (hs []memory.Holder) {
	h.l.each(func(cl *tenant) {
		if !cl.IsOpen() {
			return
		}
		if n, shed := cl.Holding(); n > 0 {
			hs = append(hs, memory.Holder{ID: uint64(cl.Token()), Bytes: n, Shed: shed})
		}
	})
	memory.SortHolders(hs)
	return hs[:min(len(hs), memory.AtOnce)]
}

func (h memoryLoop) Shed(id uint64) (first bool) {
	cl := h.l.find(uint64(id))
	if cl == nil {
		return false
	}
	h.l.With(&cl.Tenant, func() { first = cl.Shed() })
	return first
}

func (h memoryLoop) ShedUnopened(bytes int) (clients int) {
	clients, _, _ = h.l.shedUnopened(bytes, nil, 0)
	return clients
}
