package topics

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/framerail/framerail/conn"
)

// What the Recorder does not send back is bounded in bytes, over all topics. Publish fails then. What does not come for long is given up, and members are
// told of a gap.
func TestBounds_WhatDoesNotComeBack(t *testing.T) {
	h := newHost(1)
	defer h.close()
	r := newQuiet()
	close(r.connects)
	topics := &Topics{Broker: r, MaxOutbox: 64 << 10, History: keep(History{Messages: 5})}
	defer topics.Close()
	gaps := map[string]int{}
	topics.OnGap = func(_ *conn.Conn, topic string, _ Position) { gaps[topic]++ }
	names := []string{"a", "b"}
	for _, name := range names {
		h.allSubscribe(t, topics, name)
		awaitThat(t, "the Recorder's position", topics.lookup(name, false).settled)
	}
	l := topics.link()
	message := conn.Message{Type: conn.Binary, Payload: make([]byte, 1000)}
	published := map[string]int{}
	fill := func() {
		t.Helper()
		for i := 0; ; i++ {
			awaitThat(t, "the Recorder takes what there is", func() bool { return !l.outbox.waits() })
			name := names[i%len(names)]
			_, err := topics.Publish(name, message)
			if err == ErrBusy {
				break
			}
			expect(t, "publish", err, nil)
			published[name]++
		}
		n := published["a"] + published["b"]
		if used := topics.Stats().Broker.RecorderBytes; used > 64<<10 || n*1000 > 64<<10 || n < 40 {
			t.Errorf("%d messages take %d bytes", n, used)
		}
	}
	fill()
	for at := time.Now().Add(longestReturn); topics.Stats().Broker.RecorderBytes > 0; at = at.Add(time.Second) {
		_, _ = topics.Publish("a", conn.Message{Type: conn.Binary, Payload: make([]byte, 64<<10)}) // which has no room
		tickReturns(l, at)
	}
	h.turn()
	expect(t, "gaps", fmt.Sprint(gaps), "map[a:1 b:1]")
	clear(published)
	fill()
}

// While a topic has no position yet, what is published to it is bounded in bytes too. It is sent when there is one.
func TestBounds_WhatWaitsForAPosition(t *testing.T) {
	h := newHost(1)
	defer h.close()
	r := newQuiet()
	topics := &Topics{Broker: r, MaxOutbox: 64 << 10, History: keep(History{Messages: 5})}
	defer topics.Close()
	h.allSubscribe(t, topics, "a")
	n := 0
	for ; n < maxBatchPackets; n++ {
		if _, err := topics.Publish("a", conn.Message{Type: conn.Binary, Payload: make([]byte, 1000)}); err != nil {
			expect(t, "error", err, ErrBusy)
			break
		}
	}
	if n < 40 || n > 64 {
		t.Errorf("%d messages of 1,000 bytes wait", n)
	}
}

// deafRecorder does not answer to interest.
type deafRecorder struct{ quietRecorder }

func (deafRecorder) Interest(ctx context.Context, _, _ []string) error {
	<-ctx.Done()
	return ctx.Err()
}

// While the broker does not confirm interest, what waits for a position is given to members of this node when others had no room for long.
func TestBounds_WhatWaitsForInterest(t *testing.T) {
	h := newHost(1)
	defer h.close()
	r := deafRecorder{newQuiet()}
	close(r.connects)
	topics := &Topics{Broker: r, MaxOutbox: 64 << 10, History: keep(History{Messages: 5})}
	topics.HangsAfter(time.Hour)
	defer topics.Close()
	h.allSubscribe(t, topics, "a")
	message := conn.Message{Type: conn.Binary, Payload: make([]byte, 1000)}
	before := h.sum().bytes
	n := 0
	for _, err := topics.Publish("a", message); err == nil; _, err = topics.Publish("a", message) {
		n++
	}
	l := topics.link()
	for at := time.Now().Add(longestReturn); topics.Stats().Broker.RecorderBytes > 0; at = at.Add(time.Second) {
		_, _ = topics.Publish("a", message) // which has no room
		tickReturns(l, at)
	}
	h.turn()
	if got := h.sum().bytes - before; n == 0 || got < n*1000 {
		t.Errorf("%d messages were published, the member was sent %d bytes", n, got)
	}
	if _, err := topics.Publish("a", message); err != nil {
		t.Error(err)
	}
}

// heldRecorder takes messages, and answers, when the test lets it.
type heldRecorder struct {
	quietRecorder
	take, answer chan struct{}
}

func newHeld() heldRecorder {
	r := heldRecorder{newQuiet(), make(chan struct{}), make(chan struct{})}
	close(r.connects)
	return r
}

func (r heldRecorder) Publish(ctx context.Context, ms []Packet) (int, error) {
	select {
	case <-r.take:
	case <-ctx.Done():
	}
	return len(ms), ctx.Err()
}

func (r heldRecorder) Since(ctx context.Context, topic string, keep History, since Position, most int) ([]Packet, Position, error) {
	r.asked <- topic
	select {
	case <-r.answer:
	case <-ctx.Done():
	}
	return nil, Position{Epoch: 1}, ctx.Err()
}

// newPatient is topics that wait for a Recorder as long as it takes. Those with a name that begins with "kept" keep something.
func newPatient(r Broker, gaps *int) *Topics {
	topics := &Topics{Broker: r, MaxOutbox: 8 << 10}
	topics.HangsAfter(time.Hour)
	topics.OnGap = func(*conn.Conn, string, Position) { *gaps++ }
	topics.History = func(name string) History {
		if strings.HasPrefix(name, "kept") {
			return History{Messages: 5}
		}
		return History{}
	}
	return topics
}

// What has waited for a position, and finds no room then, is a gap: it does not come back.
func TestBounds_WhatFindsNoRoomIsAGap(t *testing.T) {
	h := newHost(1)
	defer h.close()
	r, gaps := newHeld(), 0
	topics := newPatient(r, &gaps)
	defer topics.Close()
	h.allSubscribe(t, topics, "kept")
	awaitThat(t, "a question", func() bool { return len(r.asked) > 0 })
	message := conn.Message{Type: conn.Binary, Payload: make([]byte, 1000)}
	for range 100 { // the outbox takes some of those
		_, err := topics.Publish("plain", message)
		expect(t, "publish", err, nil)
	}
	_, err := topics.Publish("kept", message)
	expect(t, "publish", err, nil)
	close(r.answer)
	awaitThat(t, "the Recorder's position", topics.lookup("kept", false).settled)
	h.turn()
	expect(t, "gaps", gaps, 1)
	expect(t, "bytes that wait", topics.Stats().Broker.RecorderBytes, 0)
}

// What still waits for the Recorder to take it is not given up.
func TestBounds_WhatIsNotSentIsNotGivenUp(t *testing.T) {
	h := newHost(1)
	defer h.close()
	r, gaps := newHeld(), 0
	close(r.answer)
	topics := newPatient(r, &gaps)
	defer topics.Close()
	h.allSubscribe(t, topics, "kept")
	awaitThat(t, "the Recorder's position", topics.lookup("kept", false).settled)
	message := conn.Message{Type: conn.Binary, Payload: make([]byte, 1000)}
	for _, err := topics.Publish("kept", message); err == nil; _, err = topics.Publish("kept", message) {
	}
	before := topics.Stats().Broker.RecorderBytes
	topics.link().returns.refused.Store(true)
	tickReturns(topics.link(), time.Now().Add(2*longestReturn))
	h.turn()
	expect(t, "gaps", gaps, 0)
	expect(t, "bytes that wait", topics.Stats().Broker.RecorderBytes, before)
}

// A topic that the broker refuses keeps no other from giving up what does not come back. Of its own it gives up nothing that waits.
func TestBounds_WhatIsRefusedHoldsUpNoOther(t *testing.T) {
	noTurn(t)
	h := &Topics{History: byName}
	l := &link{hub: h, wake: make(chan struct{}, 1)}
	l.outbox.most, l.returns.most = 1<<20, 1<<20
	for _, name := range []string{"aged.bad", "aged.1"} {
		of := h.lock(name, false)
		of.across = &across{link: l, recorded: true, synced: true, hearing: hearing{confirmed: true}}
		expect(t, "publish", l.publish(of, text("x"), nil), nil)
		of.mu.Unlock()
		give(&l.outbox, "aged.bad")
	}
	expect(t, "topics that are postponed", len(l.outbox.turns), 1)
	l.returns.refused.Store(true)
	tickReturns(l, time.Now().Add(time.Hour))
	for name, want := range map[string]int{"aged.bad": 1, "aged.1": 0} {
		of := h.lockIf(name)
		expect(t, "messages of "+name+" that are to come back", len(of.across.pending), want)
		of.mu.Unlock()
	}
}

// What lies in a gap that was reported is given up without another one.
func TestBounds_WhatIsMissedIsNoOtherGap(t *testing.T) {
	h := new(Topics)
	l := &link{hub: h}
	of := h.lock("a", false)
	of.across = &across{link: l, recorded: true, synced: true, hearing: hearing{confirmed: true}}
	of.across.pending = []pending{{number: number{1, 1}, missed: true}, {number: number{1, 2}}}
	of.mu.Unlock()
	now := time.Now()
	of.across.pending[1].since = now
	giveUp(of, now)
	expect(t, "gaps", l.counts.gaps.Load(), 0)
	giveUp(of, now.Add(time.Second))
	expect(t, "gaps with a message that was not missed", l.counts.gaps.Load(), 1)
	expect(t, "messages that wait", len(of.across.pending), 0)
}

// A topic does not wait for a message to come back that the Recorder does not take.
func TestBounds_WhatIsRefusedIsNotAwaited(t *testing.T) {
	h := new(Topics)
	l := &link{hub: h}
	of := h.lock("a", false)
	of.across = &across{link: l, recorded: true}
	of.across.coming = number{1, 2}
	of.mu.Unlock()
	for n := range uint64(2) {
		expect(t, "it waits", of.across.coming, number{1, 2})
		missOwn(l, Packet{Topic: "a", Keep: History{Messages: 1}, Data: header{kindMessage, l.node, number{1, n + 1}}.append(nil)})
	}
	expect(t, "it waits", of.across.coming, number{})
}

// What is held for topics that wait for an answer is bounded over all of them. A topic that finds no room asks once more.
func TestBounds_WhatIsHeld(t *testing.T) {
	l := new(link)
	l.held.most = 10_000
	all := []*across{{link: l}, {link: l}, {link: l}}
	for i := range 24 {
		all[i%3].hold(Packet{Data: make([]byte, 1000)})
		if used := l.held.used.Load(); used > l.held.most {
			t.Fatalf("%d bytes are held", used)
		}
	}
	spilled, held := 0, 0
	for _, a := range all {
		if a.spilled {
			spilled++
		}
		held += len(a.takeHeld())
	}
	if spilled == 0 || held == 0 {
		t.Errorf("%d topics found no room, and %d messages are held", spilled, held)
	}
	expect(t, "bytes when nothing is held", l.held.used.Load(), 0)
}
