package session

import (
	"strings"
	"testing"
	"time"

	"github.com/framerail/framerail/frame"
)

// rated is a rig whose limits are ten messages and ten control frames a second.
func rated(t *testing.T) *rig {
	return openRig(t, Config{MessagesPerSecond: 10, ControlFramesPerSecond: 10, IdleTimeout: -1})
}

// kinds are what is bounded, each by its own error.
var kinds = map[string]struct {
	in  []byte
	err *frame.Error
}{
	"messages":  {text("x"), ErrMessageRate},
	"fragments": {append(peer(frame.Binary, false, "x"), peer(frame.Continuation, true, "y")...), ErrMessageRate},
	"pings":     {peer(frame.Ping, true, "x"), ErrControlRate},
	"pongs":     {peer(frame.Pong, true, ""), ErrControlRate},
}

func TestRate_TenSecondsWorthMayComeAtOnce(t *testing.T) {
	for name, kind := range kinds {
		t.Run(name, func(t *testing.T) {
			r := rated(t)
			for range 100 {
				r.receive(kind.in)
			}
			expect(t, "state", r.c.State(), Open)
			r.sent()
			r.receive(kind.in)
			r.expectClose(frame.PolicyViolation, kind.err.Rule)
			r.end(nil)
			r.advance(time.Minute)
			expect(t, "the error", r.info().Err == error(kind.err), true)
		})
	}
}

// All in one read is the same as one by one.
func TestRate_CountsWithinOneRead(t *testing.T) {
	for name, kind := range kinds {
		r := rated(t)
		r.receive([]byte(strings.Repeat(string(kind.in), 100)))
		expect(t, name+": state", r.c.State(), Open)
		r = rated(t)
		r.receive([]byte(strings.Repeat(string(kind.in), 101)))
		expect(t, name+": state after one more", r.c.State(), Closing)
	}
}

// A peer that keeps to the limit is never closed, however it spaces what it sends.
func TestRate_AtTheLimitForEver(t *testing.T) {
	for name, kind := range kinds {
		for _, gap := range []time.Duration{100 * time.Millisecond, time.Second, 9 * time.Second} {
			r := rated(t)
			for now := time.Duration(0); now < 5*time.Minute; now += gap {
				r.advance(gap)
				for range gap / (100 * time.Millisecond) {
					r.receive(kind.in)
				}
				r.wire.take()
			}
			expect(t, name+" each "+gap.String()+": state", r.c.State(), Open)
		}
	}
}

func TestRate_AboveTheLimitIsFoundOut(t *testing.T) {
	for name, kind := range kinds {
		r := rated(t)
		at := time.Duration(0)
		for ; r.c.State() == Open && at < 10*time.Minute; at += 50 * time.Millisecond { // twice the rate
			r.advance(50 * time.Millisecond)
			r.receive(kind.in)
			r.wire.take()
		}
		if at < 9*time.Second || at > 11*time.Second {
			t.Errorf("%s at twice the rate: closed after %v", name, at)
		}
	}
}

// The two buckets have nothing to do with each other.
func TestRate_MessagesAndControlFramesApart(t *testing.T) {
	r := rated(t)
	for range 100 {
		r.receive(text("x"))
		r.receive(peer(frame.Ping, true, ""))
	}
	expect(t, "state", r.c.State(), Open)
}

func TestRate_NegativeIsNoLimit(t *testing.T) {
	r := openRig(t, Config{MessagesPerSecond: -1, ControlFramesPerSecond: -1})
	flood := strings.Repeat(string(text("x"))+string(peer(frame.Pong, true, "")), 5000)
	for range 50 {
		r.receive([]byte(flood))
	}
	expect(t, "state", r.c.State(), Open)
}

func TestRate_DefaultsAreFinite(t *testing.T) {
	for name, in := range map[string][]byte{"messages": text(""), "pongs": peer(frame.Pong, true, "")} {
		cfg := Config{}.WithDefaults()
		r := openRig(t, Config{MessagesPerSecond: cfg.MessagesPerSecond, ControlFramesPerSecond: cfg.ControlFramesPerSecond})
		flood := strings.Repeat(string(in), 10_000)
		n := 0
		for ; r.c.State() == Open && n < 200; n++ {
			r.receive([]byte(flood))
		}
		expect(t, name+": state", r.c.State(), Closing)
	}
}

// A clock that wraps after 49 days, and a peer that was silent for as long.
func TestRate_OutlivesTheClocksWrap(t *testing.T) {
	r := rated(t)
	for range 20 {
		for range 90 {
			r.receive(text("x"))
		}
		r.advance(1<<32*time.Millisecond/4 + time.Hour)
	}
	expect(t, "state", r.c.State(), Open)
}
