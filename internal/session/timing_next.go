package session

import "time"

// nextBeat is the time until heartbeat has something to do.
func (d *timing) nextBeat() (after time.Duration, ok bool) {
	due := d.limits().IdleTimeout
	if due <= 0 {
		return d.nextPing()
	}
	if d.interest&pinged == 0 {
		due /= 2
	}
	after = due - d.since(d.heard)
	if ping, ok := d.nextPing(); ok {
		after = min(after, ping)
	}
	return after, true
}

// When a connection was last sent something is noted in a byte, in steps of which the ping
// interval has some sixty to a hundred. What others than the loop have sent, directly, is
// not noted: then a ping more is sent.

// sentNow is the time for Driver.sent.
func (d *timing) sentNow() uint8 {
	return uint8(d.loop.Now / time.Millisecond >> d.policy().pingShift)
}

// nextPing is the time until the peer has been sent nothing for the ping interval less a
// step, or two: the byte tells no more.
func (d *timing) nextPing() (after time.Duration, ok bool) {
	p := d.policy()
	if p.config.PingInterval <= 0 {
		return 0, false
	}
	step := time.Millisecond << p.pingShift
	steps := int(p.pingSteps) - 1 - int(d.sentNow()-d.sent)
	return max(0, time.Duration(steps)*step-d.loop.Now%step), true
}

// nextStall is the time until the transport has stalled for the write timeout,
// should it take nothing until then.
func (d *timing) nextStall() (after time.Duration, ok bool) {
	timeout := d.limits().WriteTimeout
	if timeout <= 0 {
		return 0, false
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	q := d.tx
	if q == nil {
		return 0, false
	}
	q.stall.timed = q.blocked && q.stall.watched
	return timeout - (d.loop.Now - q.stall.since), q.stall.timed
}

// nextRelease is the time until releaseWork lets the input flow again.
func (d *timing) nextRelease() (after time.Duration, ok bool) {
	if d.flags.Load()&holdWork == 0 {
		return 0, false
	}
	due := time.Duration(max(0, int(d.workDebt)-workRelease)) * time.Millisecond
	due -= d.since(d.heard)
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.extras != nil && d.extras.workUntil > 0 {
		due = max(due, d.extras.workUntil-d.loop.Now)
	}
	return due, true
}

// nextFunc is the time until a function of AfterFunc is due.
func (d *timing) nextFunc() (after time.Duration, ok bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.extras == nil || d.extras.timers == nil || len(d.extras.timers.heap) == 0 {
		return 0, false
	}
	return min(d.extras.timers.heap[0].due-d.loop.Now, funcLook), true
}
