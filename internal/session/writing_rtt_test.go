package session

import (
	"testing"
	"time"

	"github.com/framerail/framerail/frame"
)

func TestRTT(t *testing.T) {
	r := openRig(t, Config{IdleTimeout: 20 * time.Second})
	_, ok := r.c.RTT()
	expect(t, "ok", ok, false)
	r.turn()
	first := r.ownPing()
	r.loop.Now += 30 * time.Millisecond
	for _, other := range []string{"not that one", ""} { // RFC 6455 5.5.3: a pong may come unasked
		r.receive(peer(frame.Pong, true, other))
		_, ok = r.c.RTT()
		expect(t, "after another pong", ok, false)
	}
	r.receive(peer(frame.Pong, true, first))
	r.expectRTT("measured", 30*time.Millisecond)

	_ = r.c.Ping([]byte("the program's"))
	r.loop.Now += 40 * time.Millisecond
	_ = r.c.Ping([]byte("another"))
	r.receive(peer(frame.Pong, true, "the program's"))
	r.expectRTT("of the program's ping", 40*time.Millisecond)
	r.receive(peer(frame.Pong, true, "the program's"))
	r.expectRTT("after a pong nobody waits for", 40*time.Millisecond)
	_ = r.c.Ping(nil)
	r.receive(peer(frame.Pong, true, ""))
	r.expectRTT("after a ping that says nothing", 40*time.Millisecond)

	_ = r.c.Ping([]byte("lost"))
	r.turn()
	r.receive(text("x"))
	r.sent()
	r.advance(10 * time.Second) // the heartbeat's
	lost := r.ownPing()
	if lost == first {
		t.Error("two pings have the same payload")
	}
	r.loop.Now += 50 * time.Millisecond
	r.receive(peer(frame.Pong, true, lost))
	r.expectRTT("of the heartbeat's", 50*time.Millisecond)
}

// A pong that comes after its ping was given up is not counted for the next one.
func TestRTT_LatePong(t *testing.T) {
	r := openRig(t, Config{IdleTimeout: 20 * time.Second})
	_, _ = r.c.RTT()
	r.turn()
	late := r.ownPing()
	r.receive(text("x"))
	r.advance(10 * time.Second) // the heartbeat's
	next := r.ownPing()
	r.loop.Now += time.Millisecond
	r.receive(peer(frame.Pong, true, late))
	_, ok := r.c.RTT()
	expect(t, "after the late pong", ok, false)
	r.loop.Now += time.Millisecond
	r.receive(peer(frame.Pong, true, next))
	r.expectRTT("of the second ping", 2*time.Millisecond)
}

// The heartbeat takes any sign of life, also from a peer whose pongs have another payload. A ping that is not measured
// has none.
func TestRTT_HeartbeatOfAPeerWithOtherPongs(t *testing.T) {
	r := openRig(t, Config{IdleTimeout: 20 * time.Second})
	r.advance(10 * time.Second)
	sent := r.sent()
	if len(sent) != 1 || sent[0] != (sentFrame{frame.Ping, true, ""}) {
		t.Errorf("sent %v", sent)
	}
	r.receive(peer(frame.Pong, true, ""))
	_, _ = r.c.RTT()
	r.turn()
	r.sent()
	for range 5 {
		r.advance(10 * time.Second)
		r.ownPing()
		r.receive(peer(frame.Pong, true, ""))
	}
	expect(t, "state", r.c.State(), Open)
	_, ok := r.c.RTT()
	expect(t, "measured", ok, false)
}

// ownPing is the payload of the one ping that was sent.
func (r *rig) ownPing() string {
	r.t.Helper()
	sent := r.sent()
	if len(sent) != 1 || sent[0].op != frame.Ping || len(sent[0].payload) != 8 {
		r.t.Fatalf("sent %v", sent)
	}
	return sent[0].payload
}

func (r *rig) expectRTT(what string, want time.Duration) {
	r.t.Helper()
	rtt, _ := r.c.RTT()
	expect(r.t, what, rtt, want)
}
