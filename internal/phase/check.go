package phase

import (
	"container/list"
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/framerail/framerail/internal/gate"
	"github.com/framerail/framerail/internal/handshake"
	"github.com/framerail/framerail/internal/loop"
	"github.com/framerail/framerail/internal/session"
	"github.com/framerail/framerail/internal/transport"
	"github.com/framerail/framerail/poller"
)

// checks is the phase in which the program is asked on a goroutine, and a loop's queue for that.
// ChecksAtOnce have a goroutine. A few times as many clients wait without one.
type checks struct {
	unopenedRow
	going int       // that have a goroutine
	queue list.List // of *Tenant, in order
}

// check is a handshake about which the program is asked on a goroutine.
type check struct {
	question Question
	opening  session.Opening
	head     int // length of the request: what comes meanwhile is kept behind it
	deadline time.Time
	held     bool                    // no more is kept, and the socket not watched
	place    *list.Element           // among those that wait; nil once the program is asked
	cancel   context.CancelCauseFunc // nil while it waits
}

// Ready implements loop.Row, as the next three do.
func (l *checks) Ready(t *loop.Tenant, _ poller.Interest) { l.keepInput(tenantOf(t)) }

func (l *checks) Late(t *loop.Tenant) {
	if !l.Early(t) {
		l.timedOut(tenantOf(t))
	}
}

func (l *checks) Short(t *loop.Tenant) {
	if l.end(tenantOf(t), errMemoryShort) {
		l.refuseForMemory(tenantOf(t))
	}
}

func (l *checks) Step(*loop.Tenant) time.Duration { return loop.StepOf(l.CheckTimeout) }

// ErrPeerLeft is the cause with which the context of a check ends when its client has gone.
var ErrPeerLeft = errors.New("framerail: the client has left")

// errMemoryShort is the cause when the client is refused because of the memory that it holds.
var errMemoryShort = errors.New("framerail: buffers are short")

// ErrCheckBusy answers handshakes for which there was no free check, and ErrCheckLate those whose check
// was late.
var (
	ErrCheckBusy = &handshake.Refusal{
		Status: http.StatusServiceUnavailable,
		Reason: "too many handshakes are being checked (RFC 9110 15.6.4)",
		Header: http.Header{"Retry-After": {"5"}},
	}
	ErrCheckLate = &handshake.Refusal{
		Status: http.StatusServiceUnavailable,
		Reason: "the handshake could not be checked in time (RFC 9110 15.6.4)",
		Header: http.Header{"Retry-After": {"5"}},
	}
)

// begin asks the program about a client's request, on a goroutine, or queues the question.
func (l *checks) begin(cl *Tenant, asked Question, o session.Opening, head, rest []byte) {
	if l.going >= l.ChecksAtOnce && l.queue.Len() >= checksWaiting*l.ChecksAtOnce {
		l.refuse(cl, ErrCheckBusy)
		return
	}
	if cl.head == nil {
		if !l.mayHold(cl, 0, len(head)+len(rest)) {
			l.short(cl)
			return
		}
		buf := l.reader.heads.Get(len(head) + len(rest))
		buf.B = append(append(buf.B, head...), rest...)
		cl.head = &partial{buf: buf}
	}
	patience := l.CheckTimeout
	if l.Applied() == loop.Drain {
		patience = min(patience, DrainGrace)
	}
	q := &check{question: asked, opening: o, head: len(head), deadline: l.Platform.Now().Add(patience)}
	cl.head.check = q
	cl.Enter(Check)
	l.Allow(&cl.Tenant, patience)
	if l.going < l.ChecksAtOnce {
		l.start(cl)
	} else {
		l.Counters.ChecksWaited.Add(1)
		q.place = l.queue.PushBack(cl)
	}
	l.keepInput(cl)
}

// start starts the check of a client's handshake.
func (l *checks) start(cl *Tenant) {
	q, asked, token := cl.head.check, cl.head.check.question, cl.Token()
	ctx, cancel := context.WithCancelCause(context.Background())
	q.place, q.cancel = nil, cancel
	asked.SetContext(checkContext{ctx, q.deadline})
	l.going++
	l.Work.Begin()
	l.Platform.Go(func() {
		refusal, returned := handshake.ErrInternal, false
		defer func() {
			if !returned {
				l.Report.Panicked("Check", "runtime.Goexit")
			}
			cancel(nil)
			l.Ask(func() { l.finish(token, refusal) })
			l.Work.End()
		}()
		refusal = l.Judge.Ask(asked)
		returned = true
	})
}

// checkContext is the context of a check. The loop ends it. It has a deadline for the services that Check
// calls.
type checkContext struct {
	context.Context
	deadline time.Time
}

func (c checkContext) Deadline() (time.Time, bool) { return c.deadline, true }

func (c checkContext) Err() error {
	err := c.Context.Err()
	if err != nil && context.Cause(c.Context) == context.DeadlineExceeded {
		return context.DeadlineExceeded
	}
	return err
}

// finish answers a client when the program has decided, and starts the next check.
func (l *checks) finish(token uint64, refusal *handshake.Refusal) {
	l.going--
	if next := l.queue.Front(); next != nil {
		l.queue.Remove(next)
		l.start(next.Value.(*Tenant))
	}
	cl := l.find(token)
	if cl == nil || cl.Phase() != Check {
		return // its time was over, or the server's
	}
	q, request := cl.head.check, cl.head.buf.B
	if l.end(cl, nil) {
		l.With(&cl.Tenant, func() { l.answer(cl, q, refusal, request) })
	}
}

// answer answers a client whose check is over. request has the head, and what came behind it.
func (l *checks) answer(cl *Tenant, q *check, refusal *handshake.Refusal, request []byte) {
	g, head := &l.reader, request[:q.head]
	if refusal == nil {
		_ = handshake.Parse(head, &g.req) // as it did before
		q.opening, refusal = l.Judge.Accept(&g.req, l.candidate(cl), q.question, q.opening, g.out[:0])
	}
	if refusal != nil {
		l.refuse(cl, refusal)
		return
	}
	g.out = q.opening.Response[:0] // it may have grown
	q.opening.Head, q.opening.Rest = head, request[q.head:]
	l.open(cl, q.opening)
}

// end ends a client's check, and watches its socket again. It returns false if the client has been
// dropped.
func (l *checks) end(cl *Tenant, cause error) bool {
	q := cl.head.check
	l.cancel(cl, cause)
	if q.held && !l.watch(cl, poller.Read) {
		l.Report.Refused(Failed)
		return false
	}
	return true
}

// cancel ends a client's check, if there is one.
func (l *checks) cancel(cl *Tenant, cause error) {
	if cl.head == nil || cl.head.check == nil {
		return
	}
	q := cl.head.check
	cl.head.check = nil
	if q.place != nil {
		l.queue.Remove(q.place)
	} else {
		q.cancel(cause)
	}
}

// keepInput keeps what a client sends during its check, up to checkAhead. So the loop notices when the
// client leaves.
func (l *checks) keepInput(cl *Tenant) {
	g, p := &l.reader, cl.head
	for {
		room := min(checkAhead-(len(p.buf.B)-p.check.head), len(g.in))
		if !l.mayHold(cl, cap(p.buf.B), len(p.buf.B)+room) {
			room = cap(p.buf.B) - len(p.buf.B)
		}
		if room <= 0 {
			p.check.held = true
			if !l.watch(cl, poller.None) {
				l.Report.Refused(Failed)
			}
			return
		}
		n, err := cl.Below().Read(g.in[:room])
		switch {
		case n > 0:
			p.add(&g.heads, g.in[:n])
		case err == transport.ErrWouldBlock || err == transport.ErrHeld:
			return
		default:
			l.Report.Refused(Left)
			l.cancel(cl, ErrPeerLeft)
			l.drop(cl)
			return
		}
	}
}

// timedOut refuses a client when the program has not decided in time.
func (l *checks) timedOut(cl *Tenant) {
	refusal, cause := ErrCheckLate, context.DeadlineExceeded
	switch {
	case l.Applied() == loop.Drain:
		refusal, cause = ErrDraining, gate.ErrStopped
	case cl.head.check.place != nil:
		refusal = ErrCheckBusy
	}
	if l.end(cl, cause) {
		l.refuse(cl, refusal)
	}
}
