package session

import (
	"bytes"
	"encoding/binary"
	"time"

	"github.com/framerail/framerail/frame"
)

// roundTrip measures the time from a ping to its pong. Guarded by mu.
type roundTrip struct {
	last    time.Duration // 0: none was measured
	sent    time.Duration // when the ping was queued, by Loop.now
	payload []byte        // of the ping
	waits   bool          // for its pong
	space   [frame.MaxControlPayload]byte
}

// pingLost is how long a pong is waited for before another ping takes its place. A peer may answer only
// the latest of several pings (RFC 6455 5.5.3).
const pingLost = 10 * time.Second

// pinged notes that a ping is sent. One without payload is not measured: a pong that nobody asked for, or that comes
// late, would pass for its answer.
func (r *roundTrip) pinged(now time.Duration, payload []byte) {
	if len(payload) > 0 && (!r.waits || now-r.sent >= pingLost) {
		r.waits, r.sent, r.payload = true, now, append(r.space[:0], payload...)
	}
}

// sendOwnPing sends a ping that is not the program's. While pings are measured it has a payload that the peer cannot
// know before. mu is held.
func (c *writing) sendOwnPing() error {
	if c.flags.Load()&flagMeasures == 0 {
		return c.sendControl(frame.Ping, nil)
	}
	var payload [8]byte
	binary.NativeEndian.PutUint32(payload[:], uint32(c.loop.sends.NewMaskingKey()))
	binary.NativeEndian.PutUint32(payload[4:], uint32(c.loop.sends.NewMaskingKey()))
	return c.sendControl(frame.Ping, payload[:])
}

// notePong ends a measurement if the pong is the one that is waited for. On the loop.
func (c *writing) notePong(payload []byte) {
	if c.flags.Load()&flagMeasures == 0 {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if r := c.extras.roundTrip; r.waits && bytes.Equal(r.payload, payload) {
		r.waits, r.last = false, max(c.loop.now()-r.sent, 1)
	}
}

// measure is the connection's measuring of pings, begun if it was not. mu is held.
func (c *writing) measure() (r *roundTrip, begins bool) {
	x := c.makeExtras()
	if begins = x.roundTrip == nil; begins {
		x.roundTrip = new(roundTrip)
		c.hold(flagMeasures)
	}
	return x.roundTrip, begins
}
