package session

import "time"

// stall is how long the transport has taken nothing. It is part of the queue, and so
// costs a connection with nothing pending no memory.
type stall struct {
	watched bool          // the transport was full when the loop last looked
	timed   bool          // the timer is set for no later than the timeout
	since   time.Duration // when it last took a byte, by Loop.Now
	taken   int64         // the bytes that it had taken by then
}

// note takes down how the transport stands at the end of a turn, and tells whether
// the timer must be set for it. The connection's mu is held.
func (s *stall) note(blocked bool, taken int64, now time.Duration) (arm bool) {
	if !blocked {
		s.watched = false
		return false
	}
	if !s.watched || taken != s.taken {
		s.watched, s.since, s.taken = true, now, taken
	}
	arm = !s.timed
	s.timed = true
	return arm
}
