package load

import (
	"fmt"
	"math/rand/v2"
	"time"

	"golang.org/x/sys/unix"

	"github.com/framerail/framerail/bench/internal/wire"
)

// paced sends at times that are drawn in advance of the echoes, the same for all servers.
type paced struct {
	*Clients
	rate, every int
	others      bool
	large       []message
	random      *rand.Rand
	sent        int

	slice Slice
	due   int
}

func newPaced(c *Clients, o Options) *paced {
	p := &paced{Clients: c, rate: o.Rate, every: o.Every, others: o.Others, random: rand.New(rand.NewPCG(1, 2))}
	if o.Every > 0 {
		o.Size = o.Large
		for seed := range variants {
			m, _ := newMessage(o, wire.Agreement{ClientBits: 15}, seed)
			p.large = append(p.large, m)
		}
	}
	// A wait may end this much later than asked for; the default is 50 microseconds.
	_ = unix.Prctl(unix.PR_SET_TIMERSLACK, 1, 0, 0, 0)
	return p
}

// gap is the time to the next message: exponential, as of clients that do not know of each
// other.
func (l *paced) gap() time.Duration {
	return time.Duration(l.random.ExpFloat64() / float64(l.rate) * float64(time.Second))
}

func (l *paced) Run(d time.Duration) (Slice, error) {
	l.slice = Slice{}
	start, received := time.Now(), l.received
	next, last := l.gap(), start
	for {
		now := time.Since(start)
		for ; next <= now && next < d; next += l.gap() {
			if now-next > time.Millisecond {
				l.slice.Late++
			}
			if err := l.one(next); err != nil {
				return l.slice, err
			}
		}
		patience := stall
		if now < d {
			patience = min(next, d) - now
		} else if l.due == 0 {
			break
		}
		events, err := l.epoll.waitFor(max(patience, 0))
		if err != nil && err != unix.EINTR {
			return l.slice, err
		}
		if len(events) > 0 || l.due == 0 {
			last = time.Now()
		} else if time.Since(last) > stall {
			return l.slice, fmt.Errorf("%d echoes are due: %w", l.due, errStall)
		}
		for _, event := range events {
			done := func(at int64) { l.echoed(time.Since(start), time.Duration(at)) }
			if err := l.ready(int(event.Fd), event.Events, done); err != nil {
				return l.slice, fmt.Errorf("connection %d: %w", event.Fd, err)
			}
		}
	}
	l.slice.Elapsed, l.slice.Received = time.Since(start), l.received-received
	return l.slice, nil
}

// one sends a message that was to be sent at a time, on a connection by chance.
func (l *paced) one(at time.Duration) error {
	i := l.random.IntN(len(l.clients))
	c := &l.clients[i]
	m := c.next()
	if l.sent++; l.every > 0 && l.sent%l.every == 0 {
		m = &l.large[l.sent/l.every%len(l.large)]
		if l.others {
			at = untimed
		}
	}
	c.await(m, int64(at))
	l.due++
	if err := l.write(i, m.frame, false); err != nil {
		return fmt.Errorf("connection %d: %w", i, err)
	}
	return nil
}

// untimed is the time of messages whose latency is left out.
const untimed = -1

// echoed counts a message that was to be sent at a time.
func (l *paced) echoed(now, at time.Duration) {
	l.due--
	l.slice.Messages++
	if at != untimed {
		l.slice.Latency = append(l.slice.Latency, int32((now - at).Microseconds()))
	}
}
