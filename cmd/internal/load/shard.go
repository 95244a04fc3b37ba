package load

import (
	"context"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"

	"github.com/framerail/framerail/client"
	"github.com/framerail/framerail/conn"
	"github.com/framerail/framerail/frame"
)

// shard is the connections of one event loop.
type shard struct {
	run    *run
	client *client.Client

	mu      sync.Mutex
	lanes   []*lane // in order of their turns
	senders []*lane // those of them that send
	scratch []byte
	random  *rand.Rand
	sending bool
	closing bool  // every connection was closed
	todo    int64 // messages that may still be sent
	waiting int64 // messages that wait for their answers
	open    int   // connections

	counts  Counts // since the interval began
	latency *hdrhistogram.Histogram
	faults  faults
	paced   int64 // messages for which the pacer woke, and those for which it was late
	late    int64
}

// Histograms reach from a nanosecond to two minutes, with three digits.
const longest = 2 * time.Minute

func newHistogram() *hdrhistogram.Histogram { return hdrhistogram.New(1, int64(longest), 3) }

// record counts a duration in nanoseconds.
func record(h *hdrhistogram.Histogram, d int64) {
	_ = h.RecordValue(min(max(d, 1), int64(longest))) // it fails for values out of range
}

func newShard(r *run, n int) *shard {
	s := &shard{
		run: r, random: rand.New(rand.NewPCG(r.Seed, uint64(n)+2)),
		latency: newHistogram(), faults: faults{},
	}
	s.client = r.newClient(s)
	return s
}

func (s *shard) onMessage(c *conn.Conn, m conn.Message) {
	l, _ := c.Value().(*lane)
	if l == nil {
		return
	}
	now := s.run.now()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.counts.Received++
	s.counts.ReceivedBytes += int64(len(m.Payload))
	switch s.run.Mode {
	case Echo:
		l.answer(now, m)
		l.fill(now)
	case Fanout:
		l.deliver(now, m)
	}
}

// onDrained lets a connection send again that had no room.
func (s *shard) onDrained(c *conn.Conn) {
	if l, _ := c.Value().(*lane); l != nil {
		s.mu.Lock()
		defer s.mu.Unlock()
		l.stuck = false
		l.fill(s.run.now())
	}
}

func (s *shard) onClose(c *conn.Conn, info conn.CloseInfo) {
	l, _ := c.Value().(*lane)
	if l == nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.open--
	switch {
	case !s.closing:
		s.counts.Closed++
		s.faults.add(ending(info))
	case !info.Clean():
		s.counts.Unclean++
		s.faults.add("at the end, " + ending(info))
	}
	l.end()
}

// start lets the connections send.
func (s *shard) start(lanes []*lane) {
	now := s.run.now()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.lanes, s.sending = lanes, true
	for _, l := range lanes {
		if l.quota > 0 {
			s.senders = append(s.senders, l)
		}
		if l.ended {
			l.quota = 0
		}
		s.todo += l.quota
		l.fill(now)
	}
}

// stop ends the sending.
func (s *shard) stop() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.sending = false
}

// giveUp counts what has not been answered as lost, and what was due and not sent.
func (s *shard) giveUp() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, l := range s.lanes {
		l.giveUp()
	}
}

// latest bounds how late the pacer may be with a message before the client counts as too slow.
const latest = int64(10 * time.Millisecond)

// pace makes messages due at their times, until ctx is done.
func (s *shard) pace(ctx context.Context) {
	if len(s.senders) == 0 {
		return
	}
	const batch = 64 // so that the loop gets the mutex
	timer := time.NewTimer(0)
	defer timer.Stop()
	for next := 0; ; {
		now := s.run.now()
		s.mu.Lock()
		if !s.sending {
			s.mu.Unlock()
			return
		}
		for range batch {
			l := s.senders[next%len(s.senders)]
			due := l.dueAt(l.due)
			if due > now {
				break
			}
			s.paced++
			if now-due > latest {
				s.late++
			}
			l.due++
			l.fill(now)
			next++
		}
		l := s.senders[next%len(s.senders)]
		wait := l.dueAt(l.due) - s.run.now()
		s.mu.Unlock()
		timer.Reset(time.Duration(max(wait, 0)))
		select {
		case <-timer.C:
		case <-ctx.Done():
			return
		}
	}
}

// farewell closes every connection.
func (s *shard) farewell() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closing = true
	for _, l := range s.lanes {
		if !l.ended {
			_ = l.conn.Close(frame.NormalClosure, "") // it fails if the connection is closing anyway
		}
	}
}
