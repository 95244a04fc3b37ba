package load

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"sync"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"

	"github.com/framerail/framerail/conn"
)

// run is a run that goes on.
type run struct {
	Config
	form *form
	kind conn.MessageType

	start   time.Time
	began   int64 // when sending began, in nanoseconds since start
	senders int
	shards  []*shard
	lanes   []*lane // by index; nil for dials that have failed

	mu      sync.Mutex // of the next four
	connect *hdrhistogram.Histogram
	dialled faults
	refused int64
	first   error // of the first dial that has failed

	watch    *watch
	settling bool // nothing is sent any more
}

// now is the time since the run has begun, in nanoseconds.
func (r *run) now() int64 { return int64(time.Since(r.start)) }

// Run puts a server under load. When ctx is done it stops sending, waits for what is missing, and
// tells what has come of it. The error is that no connection could be made, or that the
// configuration makes no sense.
func Run(ctx context.Context, c Config) (*Result, error) {
	c = c.withDefaults()
	if err := c.validate(); err != nil {
		return nil, err
	}
	r := &run{
		Config: c, form: newForm(&c.Traffic), kind: conn.Text, start: time.Now(),
		lanes: make([]*lane, c.Connections), connect: newHistogram(), dialled: faults{},
	}
	if c.Binary {
		r.kind = conn.Binary
	}
	server, err := newProcess(c.PID)
	if err != nil {
		return nil, err
	}
	for i := range min(c.Loops, c.Connections) {
		r.shards = append(r.shards, newShard(r, i))
	}
	defer func() {
		for _, s := range r.shards {
			_ = s.client.Close() // its error is always nil
		}
	}()

	r.watch = newWatch(r, server)
	r.dial(ctx)
	if !r.connected() {
		return nil, r.unreachable(ctx)
	}
	r.watch.begin()
	r.send(ctx)
	r.settle()
	r.watch.end()
	result := r.watch.result
	r.farewell()
	r.watch.collect(result)
	result.Interrupted = ctx.Err() != nil
	result.Faults = r.faults()
	return result, nil
}

// connected reports whether there is any connection.
func (r *run) connected() bool {
	for _, l := range r.lanes {
		if l != nil {
			return true
		}
	}
	return false
}

// unreachableError is the error of a run without any connection.
type unreachableError struct {
	text  string
	first error // of the first dial
}

func (e *unreachableError) Error() string { return e.text }
func (e *unreachableError) Unwrap() error { return e.first }

// unreachable is the error if there is none.
func (r *run) unreachable(ctx context.Context) error {
	if len(r.dialled) > 0 {
		f := r.dialled.list()[0]
		return &unreachableError{fmt.Sprintf("no connection could be made, %d of %d because: %s", f.Count, r.Connections, f.What), r.first}
	}
	return errors.Join(errors.New("no connection was made"), ctx.Err())
}

// send has the connections send until the time or the messages are over, or ctx is done.
func (r *run) send(ctx context.Context) {
	ctx, stop := context.WithTimeout(ctx, r.Duration)
	defer stop()
	r.share()
	r.began = r.now()
	var pacers sync.WaitGroup
	for i, s := range r.shards {
		s.start(r.of(i))
		if r.Rate > 0 && r.senders > 0 {
			pacers.Go(func() { s.pace(ctx) })
		}
	}
	r.watch.until(ctx, func(t totals) bool { return t.todo == 0 && r.Mode != Receive || t.open == 0 })
	for _, s := range r.shards {
		s.stop()
	}
	stop()
	pacers.Wait()
}

// of are the connections of a shard.
func (r *run) of(shard int) (lanes []*lane) {
	for i := shard; i < len(r.lanes); i += len(r.shards) {
		if l := r.lanes[i]; l != nil {
			lanes = append(lanes, l)
		}
	}
	return lanes
}

// share gives each connection that sends its turn and its part of the messages.
func (r *run) share() {
	open := slices.DeleteFunc(slices.Clone(r.lanes), func(l *lane) bool { return l == nil })
	r.senders = r.Config.senders(len(open))
	for i, l := range open {
		quota := int64(0)
		if i < r.senders {
			quota = math.MaxInt64 / int64(r.senders)
			if r.Messages > 0 {
				quota = (r.Messages + int64(r.senders-1-i)) / int64(r.senders)
			}
		}
		l.shard.mu.Lock()
		l.turn, l.quota, l.label = i, quota, newLabel(i)
		if r.Mode == Fanout {
			l.next = make([]int64, r.senders)
		}
		l.shard.mu.Unlock()
	}
}

// settle waits for what is missing, and then gives up.
func (r *run) settle() {
	ctx, stop := context.WithTimeout(context.Background(), r.Patience)
	defer stop()
	r.settling = true
	r.watch.until(ctx, func(t totals) bool { return t.waiting == 0 || t.open == 0 })
	for _, s := range r.shards {
		s.giveUp()
	}
	if r.Mode == Fanout {
		r.loseDeliveries()
	}
}

// farewell closes the connections, and waits for the closing handshakes.
func (r *run) farewell() {
	for _, s := range r.shards {
		s.farewell()
	}
	// The connections' CloseTimeout is as long, so this one is for a machine that is overloaded.
	ctx, stop := context.WithTimeout(context.Background(), r.Patience+5*time.Second)
	defer stop()
	r.watch.until(ctx, func(t totals) bool { return t.open == 0 })
}

// published is how many messages each publisher has sent.
func (r *run) published() []int64 {
	n := make([]int64, r.senders)
	for _, s := range r.shards {
		s.mu.Lock()
		for _, l := range s.senders {
			n[l.turn] = l.sent
		}
		s.mu.Unlock()
	}
	return n
}

// missing is how many deliveries have not come.
func (r *run) missing() (n int64) {
	published := r.published()
	for _, s := range r.shards {
		s.mu.Lock()
		for _, l := range s.lanes {
			n += l.missing(published)
		}
		s.mu.Unlock()
	}
	return n
}

// loseDeliveries counts those as lost.
func (r *run) loseDeliveries() {
	published := r.published()
	for _, s := range r.shards {
		s.mu.Lock()
		for _, l := range s.lanes {
			s.counts.Lost += l.missing(published)
		}
		s.mu.Unlock()
	}
}

// faults are the errors of dials and of connections, most frequent first.
func (r *run) faults() []Fault {
	all := faults{}
	for what, n := range r.dialled {
		all[what] += n
	}
	for _, s := range r.shards {
		s.mu.Lock()
		for what, n := range s.faults {
			all[what] += n
		}
		s.mu.Unlock()
	}
	return all.list()
}
