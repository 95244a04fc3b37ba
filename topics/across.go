package topics

import (
	"time"

	"github.com/framerail/framerail/conn"
	"github.com/framerail/framerail/internal/session"
)

// across is what a topic has that other nodes have too. All is guarded by the topic's mu.
//
// A topic is recorded if the broker is a Recorder and the topic's History keeps something. The positions are the
// Recorder's then, and the topic's own history is a part of the Recorder's that is near. The positions of other topics
// are the node's own. They are of another epoch after each time in which something may not have come.
//
// While the broker is away, all topics have positions of the node's own.
type across struct {
	link     *link
	recorded bool
	out      bool   // the broker is away, or is back and has not confirmed yet
	outage   uint32 // counts those
	waiters  []waiter

	hearing
	telling

	// Of a recorded topic.
	synced  bool     // the node has been where the Recorder is
	before  Position // where it was when the broker went away; zero: nowhere
	fill    Position // behind which a topic that is new here is to have all; zero: it has
	sent    bool     // since confirmed, the Recorder has got what members heard while it was away
	asking  uint64   // the number of what the Recorder is to be asked; 0: nothing
	queued  bool     // it is in asks.queue
	gaps    int      // in which something was missed, or may have been: what comes is held until that is there
	holding          // what came meanwhile
	unrecorded
	pending   []pending         // the node's own messages that have not come back
	delivered number            // own messages up to this one have been sent to the members
	heard     map[uint64]number // by node: its last message that members have, or know to be missing. link.heard has those of other topics, and of patterns
	doubts    map[uint64]number // by node: its last message that did not come, and for which the Recorder was asked: see receiveLast
}

// hearing is what the broker says of the node's interest in a topic.
type hearing struct {
	confirmed bool      // the broker has confirmed interest, and is connected: what is published from now on comes
	listening time.Time // when confirmed was last set. What comes of a publisher for the first time is behind a loss only if that is longestSilence ago
	refused   bool      // the broker has refused interest in a topic that is recorded: nothing waits for an answer, so that nothing is held
}

// holding is what a topic has, and what it knows, while it waits for an answer of the Recorder.
type holding struct {
	held      []Packet
	heldBytes int       // what held counts
	spilled   bool      // more came than is held: the Recorder is asked again
	adrift    bool      // nothing has come, there is no answer, and the next message says where the topic is
	returning bool      // there is no answer, and the topic goes on when what members heard in the outage has come back
	coming    number    // the last of the messages up to across.delivered that the outbox took, and that has not come back; zero: none
	asked     time.Time // since when the Recorder is asked and has not answered; it may have failed; zero: it is not asked
	alone     bool      // the next question is about what the node itself misses: one for clients was put before
	late      int       // how many questions in a row had no answer in their time
}

// waiter is a connection that joins when more is known.
type waiter struct {
	subscriber *subscriber
	joining    *joining
}

// pending is a message of the node's own that members get when it comes back with its position. One that
// has no number waits for the topic to have a position at all.
type pending struct {
	number number
	body   []byte // as bodyOf makes it
	except *session.Conn
	since  time.Time
	missed bool // it may lie in a gap that was reported
	lost   bool // the outbox had no room for it
}

// newAcross gives a new topic what it begins with. While a Recorder hangs it begins away, recorded or not: the broker is told of no
// interest then. So members do not wait, and are told of a gap when the broker has confirmed. Topics.mu is held.
func (l *link) newAcross(t *topic) {
	a := &across{link: l, recorded: l.recorder != nil && !t.wild && t.keep.keeps(), out: l.uplink.isAway() || l.hang.is.Load()}
	if a.out {
		a.outage = 1
	}
	a.noteInterest(t)
	t.across = a // before the worker finds it among the censuses
	if t.keep.Presence {
		l.census.add(t)
	}
	l.rouse()
}

// isRecorded reports whether a Recorder gives the topic its positions.
func (t *topic) isRecorded() bool { return t.across != nil && t.across.recorded }

// isLive reports whether messages get their positions from the Recorder now.
func (a *across) isLive() bool { return a.recorded && a.synced && !a.out }

// isUnsettled reports whether the topic will have another position soon. mu is held.
func (t *topic) isUnsettled() bool {
	a := t.across
	switch {
	case a == nil:
		return false
	case a.out:
		return !a.link.uplink.isAway() && !a.link.hang.is.Load() // it is back, and has not confirmed
	case a.recorded:
		return !a.synced
	}
	return !a.confirmed
}

// beginEra gives the topic an epoch, and has it be at an offset there. Nothing older is kept. mu is held.
func (t *topic) beginEra(at Position) {
	t.era = &era{t, at.Epoch}
	t.offset = at.Offset
	t.history.begin(at.Offset)
}

// ownEra begins an epoch of this process. mu is held.
func (t *topic) ownEra() { t.beginEra(Position{Epoch: randomEpoch()}) }

// linkLost notes that the broker is away, or refuses interest in a topic that is recorded. Local delivery goes on, with positions of the node's own.
func (l *link) linkLost(t *topic) {
	t.mu.Lock()
	a := t.across
	if !a.out {
		if a.before = (Position{}); a.synced {
			a.before = t.position()
		}
		a.out = true
		a.outage++
		t.ownEra()
	}
	l.deliverPending(t)
	a.confirmed, a.sent, a.asking, a.gaps = false, false, 0, 0
	if a.before == (Position{}) {
		a.letHeldGo(t)
	} else { // a member of the topic and of a pattern would get it once more, when the topic catches up
		a.dropHeld(t)
	}
	a.fill, a.adrift, a.returning, a.asked, a.late = Position{}, false, false, time.Time{}, min(a.late/2, 1) // one that was never answered about keeps no asker from others
	a.alone = false
	waiters := a.waiters
	a.waiters = nil
	t.mu.Unlock()
	t.rejoin(waiters)
}

// deliverPending sends the members what was to come back from the broker. mu is held.
func (l *link) deliverPending(t *topic) {
	a := t.across
	t.sendPending()
	missed := false
	for _, p := range a.pending {
		if p.missed {
			missed = true
			continue
		}
		if a.delivered = p.number; !p.lost {
			a.coming = p.number
		}
		m, err := readMessage(p.body[maxHeader:])
		if err != nil {
			continue // cannot be: this process made it
		}
		r := routes.Get().(*route)
		r.find(l.hub, t, t.name)
		if pub := l.make(t, m); pub != nil {
			t.append(pub)
			r.send(pub, p.except)
		}
		r.done()
	}
	a.forgetPending(len(a.pending))
	if missed {
		reportAll(t) // whether it comes still is not known
	}
}

// confirm notes that the broker sends what is published to the topic from now on. By the worker.
func (l *link) confirm(t *topic) {
	t.mu.Lock()
	a := t.across
	if a.confirmed || a.recorded && l.hang.is.Load() { // resume comes back to it
		t.mu.Unlock()
		return
	}
	a.confirmed, a.listening, a.changed, a.refused = true, time.Now(), true, false
	if a.recorded {
		a.sent = false
		a.gaps++
		put, _ := l.outbox.marks()
		l.asks.behind = append(l.asks.behind, behind{t, put})
		t.mu.Unlock()
		return
	}
	missed := a.out
	a.out = false
	if !t.wild {
		t.ownEra()
	}
	if missed {
		t.reportGap(0)
	}
	waiters := a.waiters
	a.waiters = nil
	t.mu.Unlock()
	t.rejoin(waiters)
}

// gap notes that something of a topic may not have come.
func (t *topic) gap() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.gapLocked()
}

func (t *topic) gapLocked() {
	a := t.across
	switch {
	case a.out || !a.confirmed: // it is in a gap
	case a.recorded:
		a.link.counts.gaps.Add(1)
		t.catchUp()
	default:
		a.link.counts.gaps.Add(1)
		if !t.wild {
			t.ownEra()
		}
		t.reportGap(0)
	}
}

// reportGap has OnGap called for the members of a topic, or of a pattern: they go on where the topic is. With outage, it is
// those that joined in it. mu is held.
func (t *topic) reportGap(outage uint32) {
	var at Position
	if !t.wild {
		at = t.position()
	}
	t.reportGapAt(at, outage)
}

// reportGapAt is reportGap with the position where members go on. mu is held.
func (t *topic) reportGapAt(at Position, outage uint32) {
	if t.hub.OnGap == nil {
		return
	}
	for _, p := range t.parts {
		if p.shard.putGap(p, gap{at: at, outage: outage}) {
			p.shard.ask()
		}
	}
}

// reportAll reports a gap to the members of a topic, and to those of patterns that match its name. t.mu is held.
func reportAll(t *topic) {
	t.reportGap(0)
	t.across.link.reportPatterns(t.name)
}

// make makes a publication of a message from elsewhere; nil if the message cannot be sent. Its position
// is the topic's next one. mu is held, if there is a topic.
func (l *link) make(t *topic, m conn.Message) (pub *publication) {
	defer func() {
		if p := recover(); p != nil { // Stamp is the program's
			l.hub.notePanic("Stamp", p)
			pub, _ = newPublication(m)
		}
	}()
	pub, err := encode(l.hub, t, m)
	if err != nil {
		l.refuse("", err)
	}
	return pub
}

// receive takes a message of another node's, or of this one's that comes back.
func (l *link) receive(p Packet, hd header, rest []byte) error {
	h := l.hub
	r := routes.Get().(*route)
	defer r.done()
	t := h.lockIf(p.Topic)
	if t != nil {
		defer func() { h.retire(t, r.use) }()
		defer func() { r.use = t.rest(); t.mu.Unlock() }()
		if t.isRecorded() {
			return l.receiveRecorded(r, t, p, hd, rest)
		}
	}
	if hd.node == l.node {
		return nil
	}
	return l.receivePlain(r, t, p.Topic, hd, rest)
}

// send hands a message that members here have, or get, to the other nodes, until Close. t.mu is held, if there is
// a topic.
func (l *link) send(name string, t *topic, keep History, m conn.Message) {
	if l.ctx.Err() != nil {
		return
	}
	if !keep.keeps() || l.recorder == nil {
		keep = History{}
	}
	n, ok := l.outbox.add(l, kindMessage, name, keep, bodyOf(m), true)
	if t == nil {
		return
	}
	if t.across.delivered = n; ok {
		t.across.coming = n
		return
	}
	t.across.lostOwn(t)
}

// publish hands a message to the Recorder. Members get it when it comes back, with its position. t.mu is held.
func (l *link) publish(t *topic, m conn.Message, except *session.Conn) error {
	a := t.across
	p := pending{body: bodyOf(m), except: except}
	waits := !a.synced && !a.adrift
	if waits && len(a.pending) >= maxBatchPackets || !l.returns.add(p.size()) {
		return ErrBusy
	}
	if !waits {
		var ok bool
		if p.number, ok = l.outbox.add(l, kindMessage, t.name, t.keep, p.body, false); !ok {
			l.returns.remove(p.size())
			return ErrBusy
		}
	}
	p.since = time.Now() // not before it is in the outbox: see tickReturns
	a.pending = append(a.pending, p)
	return nil
}
