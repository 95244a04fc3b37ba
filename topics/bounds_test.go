package topics

import (
	"context"
	"fmt"
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
