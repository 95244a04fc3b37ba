package phase

import (
	"github.com/framerail/framerail/internal/buffer"
	"github.com/framerail/framerail/internal/gate"
	"github.com/framerail/framerail/internal/handshake"
	"github.com/framerail/framerail/internal/memory"
	"github.com/framerail/framerail/internal/secure"
)

// ErrNoMemory answers handshakes while the budget is nearly used up.
var ErrNoMemory = handshake.Unavailable(retryMemory)

// Excess is the answer to a connection for which there is no room; nil if there is.
func Excess(t gate.Ticket, b *memory.Budget) *handshake.Refusal {
	if refusal := t.Refusal(); refusal != nil {
		return refusal
	}
	if b.Tight() {
		return ErrNoMemory
	}
	return nil
}

// Longest is the most bytes that a client holds at once before its connection is open: the
// longest head that the limits allow, or the longest record of TLS.
func (p *Policy) Longest() int { return max(p.Head.HeadBytes()+readSize, secure.LongestHello) }

// A table is a loop as the budget sees it. Holders and Shed are the loop's own.
var _ memory.Loop = (*Table)(nil)

// Pools implements memory.Loop, as the other methods do. Ask is the loop's own.
func (l *Table) Pools() (open, unopened *buffer.Pool) { return l.Buffers(), &l.reader.heads }

// ShedUnopened refuses clients whose connections are not open.
func (l *Table) ShedUnopened(bytes int) (clients int) {
	clients, _, _ = l.shedUnopened(bytes, nil, 0)
	return clients
}
