package server

import (
	"slices"
	"time"

	"github.com/framerail/framerail/poller"
)

// shaking is a loop's queue for TLS handshakes. So many at once have a goroutine each, and
// the others wait in order. While some do, nobody may keep a goroutine waiting for long:
// else those who say nothing behind their ClientHello would have all of them. Owned by the
// loop.
type shaking struct {
	going   []poller.Token // whose handshake has a goroutine, in no order; some are gone
	waiting []poller.Token // whose turn is to come; some are gone: nobody waits for longer than HandshakeTimeout
}

// shakeInTurn starts a client's handshake, or has it wait for that.
func (l *phases) shakeInTurn(cl *client) {
	if !l.watchSecuring(cl, poller.None) {
		return
	}
	s := &l.shaking
	if len(s.going) < l.run.handshakesAtOnce {
		l.shake(cl)
		return
	}
	l.tally.tlsWaited.Add(1)
	hurry := !l.othersWait()
	s.waiting = append(s.waiting, cl.Token())
	if !hurry {
		return
	}
	for _, token := range s.going {
		if cl := l.find(token); cl != nil && cl.Phase() == phaseTLS {
			l.HastenTimer(&cl.Tenant, l.hurried(cl))
		}
	}
}

// end takes out a handshake that has ended.
func (s *shaking) end(token poller.Token) {
	i, last := slices.Index(s.going, token), len(s.going)-1
	s.going[i] = s.going[last]
	s.going = s.going[:last]
}

// shakeNext starts the handshakes of those whose turn it is.
func (l *phases) shakeNext() {
	s := &l.shaking
	for l.othersWait() && len(s.going) < l.run.handshakesAtOnce {
		cl := l.find(s.waiting[0])
		s.waiting = s.waiting[1:]
		l.shake(cl)
	}
}

// othersWait tells whether someone waits for a handshake to end, who is then the first.
func (l *phases) othersWait() bool {
	s := &l.shaking
	for len(s.waiting) > 0 {
		if l.find(s.waiting[0]) != nil {
			return true
		}
		s.waiting = s.waiting[1:]
	}
	s.waiting = nil
	return false
}

// timeHandshake sets the timer of a client whose handshake begins to wait for it.
func (l *phases) timeHandshake(cl *client) {
	after := l.Left(&cl.Tenant)
	if l.othersWait() {
		after = l.hurried(cl)
	}
	l.SetTimer(&cl.Tenant, after)
}

// hurried is after how long a handshake that waits for its peer has kept others waiting for
// too long:
// the more there are of those the sooner.
func (l *phases) hurried(cl *client) (after time.Duration) {
	going, waiting := time.Duration(len(l.shaking.going)), time.Duration(len(l.shaking.waiting))
	most := l.run.handshakeTimeout / stallShare
	return min(l.Left(&cl.Tenant), max(most/(going+waiting)*going, most/stallShort))
}
