package topics

import "sync/atomic"

// Stats are counts of what [Topics] did and have.
type Stats struct {
	Topics        int    // topics and patterns, with members or with something kept
	Subscriptions int    // members of all topics together
	Published     uint64 // messages
	Delivered     uint64 // messages that connections took, once for each
	Lost          uint64 // messages that connections refused or dropped, once for each
	Panics        uint64 // callbacks of Topics that panicked or called runtime.Goexit
}

// counts are the counters behind Stats.
type counts struct {
	subscriptions              atomic.Int64
	published, delivered, lost atomic.Uint64
	panics                     atomic.Uint64
	once                       atomic.Uint64 // numbers for publication.once
}

// Stats returns the counts. They are not of one moment.
func (h *Topics) Stats() Stats {
	h.mu.RLock()
	topics := len(h.names) + h.wild
	h.mu.RUnlock()
	return Stats{
		Topics: topics, Subscriptions: int(h.counts.subscriptions.Load()),
		Published: h.counts.published.Load(), Delivered: h.counts.delivered.Load(), Lost: h.counts.lost.Load(),
		Panics: h.counts.panics.Load(),
	}
}
