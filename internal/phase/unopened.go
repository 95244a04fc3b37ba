package phase

import (
	"cmp"
	"slices"

	"github.com/framerail/framerail/internal/buffer"
	"github.com/framerail/framerail/internal/loop"
)

// Before its connection is open a client may hold memory: an incomplete PROXY header, ClientHello or
// request, a request that is being checked, a TLS flight or a refusal that it does not read. Each
// loop lends that from a pool of its own, reader.heads, up to a bound of the budget. So clients that
// never finish a handshake cannot use up what open connections need.

// answeredHello is the longest ClientHello, in bytes, that is answered while the budget is tight. The
// refusal comes after the TLS handshake.
const answeredHello = 4 << 10

// mayHold reports whether a client whose connection is not open may hold n bytes in place of the have
// that it holds. If the loop has no room for them, it refuses the clients that hold most. If this
// client is one of those, mayHold returns false. Call it before a buffer is lent or grows.
func (l *Table) mayHold(cl *Tenant, have, n int) bool {
	if n <= have {
		return true
	}
	size := buffer.Size(n)
	free, ok := l.Budget.Room(&l.reader.heads, have, size)
	if !ok || free == 0 {
		return ok
	}
	_, _, in := l.shedUnopened(free, cl, size)
	return in
}

// shedUnopened refuses clients whose connections are not open, until they have given back that many
// bytes. It begins with those that hold most, and of equal ones with those that have had most time. The
// asking client counts as holding size bytes. It is left alone, and in says whether it would have
// stayed.
func (l *Table) shedUnopened(bytes int, asking *Tenant, size int) (clients, freed int, in bool) {
	type holder struct {
		cl    *Tenant
		bytes int
	}
	var hs []holder
	l.Each(func(t *loop.Tenant) {
		if t.IsOpen() {
			return
		}
		cl := tenantOf(t)
		n := cl.unopened()
		if cl == asking {
			n = size
		}
		if n > 0 {
			hs = append(hs, holder{cl, n})
		}
	})
	slices.SortFunc(hs, func(a, b holder) int {
		if a.bytes != b.bytes {
			return b.bytes - a.bytes
		}
		return cmp.Compare(l.Left(&a.cl.Tenant), l.Left(&b.cl.Tenant))
	})
	in = true
	for _, h := range hs {
		if freed >= bytes {
			break
		}
		freed += h.bytes
		if h.cl == asking {
			in = false
			continue
		}
		clients++
		l.short(h.cl)
	}
	if clients > 0 {
		l.Logger.Warn("framerail: buffers are short: clients that hold most before their connection is open were refused",
			"clients", clients, "bytes", freed, "limit", l.Budget.Limit())
	}
	return clients, freed, in
}

// refuseForMemory refuses a request because its client holds too much memory. If some of that is the transport's, there
// is no answer: it would keep the memory until the client has read it.
func (l unopenedRow) refuseForMemory(cl *Tenant) {
	if buffer.LentTo(cl.Below()) > 0 {
		l.Short(&cl.Tenant)
		return
	}
	l.refuse(cl, ErrNoMemory)
}

// mayHear reports whether a client's ClientHello may be n bytes long. While the budget is tight, a limited
// number of short ones a second goes on, so that their clients get an answer over TLS.
func (l *Table) mayHear(cl *Tenant, have, n int) bool {
	if have == 0 && n <= answeredHello && !l.Budget.Over() && l.Budget.Tight() {
		return l.Gate.MayAnswerTLS(l.Platform.Now())
	}
	return l.mayHold(cl, have, n)
}
