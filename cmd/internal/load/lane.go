package load

import (
	"errors"

	"github.com/framerail/framerail/conn"
)

// lane is one connection. Its shard's mutex guards it.
type lane struct {
	shard *shard
	conn  *conn.Conn

	// turn is the place of a connection that sends among those that do.
	turn     int
	label    label // of the message that comes next
	sent     int64
	answered int64 // the sequence number that has to come next
	due      int64 // how many messages may have left by now, with a rate
	quota    int64 // how many may be sent at all
	flight   []flight
	size     int // of the message that comes next; 0 if it is not drawn yet

	stuck  bool // the connection had no room
	paused bool // it gives others their turn
	ended  bool

	next []int64 // with Fanout: the sequence number that has to come next, of each publisher
}

// flight is a message that waits for its answer. They stand by their sequence numbers in a ring.
type flight struct {
	at    int64 // when it was due, or sent
	size  int32
	label label
}

func (l *lane) inFlight(sequence int64) *flight { return &l.flight[sequence&int64(len(l.flight)-1)] }

// room makes the ring longer if it is full.
func (l *lane) room() {
	if l.sent-l.answered < int64(len(l.flight)) {
		return
	}
	old := l.flight
	l.flight = make([]flight, max(1, 2*len(old)))
	for s := l.answered; s < l.sent; s++ {
		*l.inFlight(s) = old[s&int64(len(old)-1)]
	}
}

// dueAt is when a message is due, in nanoseconds since the run began. The senders take turns.
func (l *lane) dueAt(sequence int64) int64 {
	r := l.shard.run
	return r.began + int64((float64(sequence)*float64(r.senders)+float64(l.turn))/r.Rate*1e9)
}

// burst bounds what a connection sends in one go.
const burst = 64

// fill sends what may be sent now.
func (l *lane) fill(now int64) {
	for range burst {
		if !l.ready() || !l.ship(now) {
			return
		}
	}
	if l.ready() && !l.paused {
		l.paused = l.conn.Do(resume) == nil
	}
}

// resume goes on where fill has stopped for others.
func resume(c *conn.Conn) {
	if l, _ := c.Value().(*lane); l != nil {
		l.shard.mu.Lock()
		defer l.shard.mu.Unlock()
		l.paused = false
		l.fill(l.shard.run.now())
	}
}

// ready reports whether the connection may send.
func (l *lane) ready() bool {
	s := l.shard
	return s.sending && !l.stuck && !l.ended && l.sent < l.quota &&
		(s.run.Mode != Echo || l.sent-l.answered < int64(s.run.Pipeline)) &&
		(s.run.Rate == 0 || l.sent < l.due)
}

// ship sends one message.
func (l *lane) ship(now int64) bool {
	s, r := l.shard, l.shard.run
	if l.size == 0 {
		l.size = max(r.Sizes.next(s.random), r.form.least())
	}
	at := now
	if r.Rate > 0 {
		at = l.dueAt(l.sent)
	}
	s.scratch = r.form.append(s.scratch[:0], l.size, &l.label, l.sent, l.turn, at)
	err := l.conn.SendMessage(conn.Message{Type: r.kind, Payload: s.scratch, Valid: true})
	if err != nil {
		l.stuck = errors.Is(err, conn.ErrPendingFull)
		return false // of a connection that ends, the close callback tells
	}
	if r.Mode == Echo {
		l.room()
		*l.inFlight(l.sent) = flight{at: at, size: int32(len(s.scratch)), label: l.label}
		s.waiting++
	}
	l.sent++
	l.label.next()
	l.size = 0
	s.todo--
	s.counts.Sent++
	s.counts.SentBytes += int64(len(s.scratch))
	return true
}

// answer takes an echo.
func (l *lane) answer(now int64, m conn.Message) {
	s, r := l.shard, l.shard.run
	if l.answered == l.sent {
		if l.sent > 0 && l.isRepeated(m) {
			s.counts.Repeated++
		} else {
			s.counts.Unasked++
		}
		return
	}
	sequence, right := l.answered, true
	next := l.inFlight(sequence)
	switch {
	case r.Verify == Nothing:
	case m.Type == r.kind && r.form.isEcho(m.Payload, &next.label, int(next.size)): // nearly always
	default:
		got, ok := r.form.echo(m.Payload)
		switch {
		case !ok || got.connection != l.turn || got.sequence >= l.sent || m.Type != r.kind:
			right = false
		case got.sequence < l.answered:
			s.counts.Repeated++
			return
		default:
			sequence = got.sequence
			right = len(m.Payload) == int(l.inFlight(sequence).size)
		}
	}
	lost := sequence - l.answered
	s.counts.Lost += lost
	s.waiting -= lost + 1
	l.answered = sequence + 1
	if !right {
		s.counts.Corrupt++
		return
	}
	s.counts.Answered++
	record(s.latency, now-l.inFlight(sequence).at)
}

// isRepeated reports whether a message has come before.
func (l *lane) isRepeated(m conn.Message) bool {
	got, ok := l.shard.run.form.echo(m.Payload)
	return ok && got.connection == l.turn && got.sequence < l.answered
}

// deliver takes what a publisher has sent. Messages without a marker are the server's own.
func (l *lane) deliver(now int64, m conn.Message) {
	s := l.shard
	got, found, ok := s.run.form.delivery(m.Payload)
	switch {
	case !found:
		return
	case !ok || got.connection >= len(l.next):
		s.counts.Corrupt++
		return
	}
	next := &l.next[got.connection]
	if got.sequence < *next {
		s.counts.Repeated++
		return
	}
	s.counts.Lost += got.sequence - *next
	*next = got.sequence + 1
	s.counts.Answered++
	record(s.latency, now-got.due)
}

// end is for a connection that is closed. What it waited for does not come any more.
func (l *lane) end() {
	if l.ended {
		return
	}
	l.ended = true
	s := l.shard
	l.lose()
	s.todo -= l.quota - l.sent
	l.quota = l.sent
}

// giveUp counts what is missing at the end.
func (l *lane) giveUp() {
	s, r := l.shard, l.shard.run
	if r.Rate > 0 {
		s.counts.Unsent += max(0, min(l.due, l.quota)-l.sent)
	}
	l.lose()
}

// lose counts what has not been answered as lost.
func (l *lane) lose() {
	if s := l.shard; s.run.Mode == Echo {
		s.counts.Lost += l.sent - l.answered
		s.waiting -= l.sent - l.answered
		l.answered = l.sent
	}
}

// missing is how many deliveries have not come of those that publishers have sent. A publisher need
// not get its own.
func (l *lane) missing(published []int64) (n int64) {
	if l.ended {
		return 0
	}
	for p, next := range l.next {
		if p != l.turn || l.quota == 0 || next > 0 {
			n += published[p] - next
		}
	}
	return n
}
