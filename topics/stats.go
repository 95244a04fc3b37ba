package topics

import (
	"sync/atomic"
	"time"
)

// Stats are counts of what [Topics] did and have. They can be marshalled as JSON, so that package expvar needs only
// expvar.Func. Package server/promstats has them for Prometheus.
type Stats struct {
	Topics        int    // topics and patterns, with members, with calls of SubscribeSince that wait, or with something kept
	Subscriptions int    // members of all topics together
	Published     uint64 // messages
	Delivered     uint64 // messages that connections took, once for each
	Lost          uint64 // messages that connections refused or dropped, once for each
	Panics        uint64 // callbacks of Topics that panicked or called runtime.Goexit

	Broker BrokerStats // zero without a Broker
}

// BrokerStats are counts of the connection to a [Broker].
type BrokerStats struct {
	Up            bool          // it is connected
	Since         time.Time     // since when it is, or is not
	Losses        uint64        // connections that were lost
	OutboxBytes   int           // what waits for it, about
	Lag           time.Duration // how long the first message there has waited
	RecorderBytes int           // what a Recorder has not sent back, and what is held until it answers, about
	Published     uint64        // messages that it took, those of Topics itself included
	Received      uint64        // messages that came from it, in the same way
	Lost          uint64        // messages for other nodes that did not fit into MaxOutbox, or that it did not confirm. Some of those may have arrived
	Dropped       uint64        // messages from other nodes for loops that were MaxBacklog behind, or half of it since
	Gaps          uint64        // times that something of a topic had not come
	Missed        uint64        // messages of other nodes that had not come, and that a Recorder did not have, as far as their numbers show it
	Foreign       uint64        // messages that no Topics had made
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
	s := Stats{
		Topics: topics, Subscriptions: int(h.counts.subscriptions.Load()),
		Published: h.counts.published.Load(), Delivered: h.counts.delivered.Load(), Lost: h.counts.lost.Load(),
		Panics: h.counts.panics.Load(),
	}
	if l := h.link(); l != nil {
		s.Broker = l.stats()
	}
	return s
}

func (l *link) stats() BrokerStats {
	c := &l.counts
	s := BrokerStats{
		Published: c.published.Load(), Received: c.received.Load(), Dropped: c.dropped.Load(), Gaps: c.gaps.Load(), Missed: c.missed.Load(), Foreign: c.foreign.Load(),
	}
	s.RecorderBytes = int(l.returns.used.Load() + l.held.used.Load())
	l.uplink.mu.Lock()
	s.Up, s.Since, s.Losses = l.uplink.ctx != nil, l.uplink.since, l.uplink.lost
	l.uplink.mu.Unlock()
	o := &l.outbox
	o.mu.Lock()
	defer o.mu.Unlock()
	s.OutboxBytes, s.Lost = o.bytes, o.lost
	if since, waits := o.oldest(); waits {
		s.Lag = time.Since(since)
	}
	return s
}
