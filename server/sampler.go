package server

import (
	"net/netip"
	"sync"
	"time"

	"github.com/framerail/framerail/internal/handshake"
)

// sampler keeps a flood of the same event from flooding the log: of each kind, of
// which there must not be many, one in logEvery is let pass. The zero value is ready.
// Safe from any goroutine.
type sampler struct {
	mu    sync.Mutex
	kinds map[string]sample
}

type sample struct {
	at   time.Time // of the last one let pass
	more int       // since then
}

// sample tells whether an event may be logged, and how many of its kind were not since
// the last one that was.
func (s *sampler) sample(kind string, now time.Time) (more int, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	last, seen := s.kinds[kind]
	if seen && now.Sub(last.at) < logEvery {
		last.more++
		s.kinds[kind] = last
		return 0, false
	}
	if s.kinds == nil {
		s.kinds = make(map[string]sample)
	}
	s.kinds[kind] = sample{at: now}
	return last.more, true
}

// logRefusal logs that a client was refused. Reasons are the server's own words, or
// those of an HTTP status, so that there are not many kinds.
func (r *running) logRefusal(remote netip.AddrPort, refusal *handshake.Refusal) {
	if more, ok := r.refusals.sample(refusal.Reason, r.kernel.Now()); ok {
		r.logger.Info("framerail: handshake refused", "remote", remote,
			"status", refusal.Status, "reason", refusal.Reason, "more", more)
	}
}
