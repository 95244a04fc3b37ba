package server

import (
	"math"

	"github.com/framerail/framerail/internal/platform"
)

// mail is what other goroutines have for a loop.
type mail struct {
	arrived []arrival // accepted connections
	due     []*client // connections to attend to
	asked   []func()  // to be called, see ask
	order   order
}

// deliver gives the loop a connection, and tells whether it takes it: one that has ended
// turns it away. From any goroutine, as the next three.
func (l *loop) deliver(a arrival) (taken bool) {
	l.load.Add(1)
	l.tally.accepted.Add(1)
	l.mu.Lock()
	taken = !l.ended
	if taken {
		l.mail.arrived = append(l.mail.arrived, a)
	}
	l.mu.Unlock()
	if !taken {
		l.turnAway(a)
		return false
	}
	l.wake()
	return true
}

// ask has the loop call f in its turn; not at all once it has ended.
func (l *loop) ask(f func()) {
	l.mu.Lock()
	if !l.ended {
		l.mail.asked = append(l.mail.asked, f)
	}
	l.mu.Unlock()
	l.wake()
}

// command gives the loop an order.
func (l *loop) command(o order) {
	l.mu.Lock()
	l.mail.order = max(l.mail.order, o)
	l.mu.Unlock()
	l.wake()
}

// wake sees that the loop reads its mail soon. One that is awake will anyway.
func (l *loop) wake() {
	if l.busy.Load() == asleep && l.busy.CompareAndSwap(asleep, woken) {
		_ = l.poll.Wake() // fails only once the loop has ended
	}
}

// takeMail takes the mail that has come; what was taken before has been read.
func (l *loop) takeMail() {
	l.mu.Lock()
	l.mail, l.read = l.read, l.mail
	l.mail.order = l.read.order
	l.mu.Unlock()
}

// answerAsked calls what the mail asks for.
func (l *loop) answerAsked() {
	for l.asked < len(l.read.asked) {
		f := l.read.asked[l.asked]
		l.read.asked[l.asked] = nil
		l.asked++
		f()
	}
	l.read.asked, l.asked = l.read.asked[:0], 0
}

// mayEnd tells whether the loop has nothing left to do, and then takes no more
// connections. Those that it has taken while it drains are answered like all others.
func (l *loop) mayEnd() bool {
	if l.order == orderServe || l.clients.used > 0 {
		return false
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.ended = l.order == orderAbort || len(l.mail.arrived) == 0
	return l.ended
}

// end gives back what the loop has, and turns away those it has not come to. A loop that
// could not go on counts as full.
func (l *loop) end() {
	l.load.Store(math.MaxInt64 / 2)
	l.mu.Lock()
	late := l.mail.arrived
	l.mail = mail{}
	l.publish()
	l.mu.Unlock()
	for _, a := range late {
		l.turnAway(a)
	}
	_ = l.poll.Close()
	close(l.done)
	l.run.watchdog.awake()
}

// turnAway ends a connection that has come too late for the loop. A request that
// net/http has given up is answered.
func (l *loop) turnAway(a arrival) {
	l.run.refuse(reasonDraining)
	l.run.admission.leave(a.remote.Addr(), a.standing)
	below := a.transport(new(platform.Socket), l.conns)
	if a.upgraded != nil {
		_, _ = below.Write([][]byte{errDraining.AppendResponse(nil, l.run.kernel.Now())})
	}
	_ = below.Close()
}
