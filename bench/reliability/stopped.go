//go:build linux

package main

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/framerail/framerail/bench/internal/wire"
	"github.com/framerail/framerail/conn"
	"github.com/framerail/framerail/topics"
)

// stoppedCommand publishes to the members of a topic, one of whom does not read, and in turn to as
// many members of another server's topic, who all read. Both servers share the machine, so what keeps it busy
// falls on both. Broken, the program sends to each member itself, and waits for the one that is full.
type stoppedCommand struct {
	scale
	way
	Members int           `default:"100" help:"Members of each topic."`
	Stopped int           `default:"1" help:"Those of the one topic that do not read."`
	Phase   time.Duration `default:"10s" help:"How long messages are published."`
	Pace    time.Duration `default:"10ms" help:"Time between two messages of 1 KiB to each topic."`
	Slack   float64       `default:"1.5" help:"How many times as long the p99 of a delivery may be beside those that do not read."`
	Tries   int           `default:"1" help:"How often that may be measured until it holds."`
}

// stoppedTopic is the topic of either server. stoppedWait is how long a broken program waits for a member.
const stoppedTopic, stoppedWait = "room", 100 * time.Millisecond

func (b *stoppedCommand) Run(ctx context.Context) error {
	ctx = b.within(ctx)
	if b.Short {
		b.Members, b.Phase = 20, time.Second
	}
	v := new(verdict)
	beside, alone := &room{bar: b, v: v}, &room{bar: b, v: v}
	defer beside.end()
	defer alone.end()
	if err := errors.Join(beside.begin(ctx, b.Stopped), alone.begin(ctx, 0)); err != nil {
		return err
	}
	if err := beside.fill(ctx); err != nil {
		return err
	}
	ratio, took := b.measure(beside, alone)
	for tries := 1; tries < b.Tries && ratio > b.Slack; tries++ {
		ratio, took = b.measure(beside, alone)
	}
	v.measure(ratio <= b.Slack, "p99 of a delivery is %v beside a member that does not read, %.2f times that without", took, ratio)
	dropped := beside.dropped()
	v.expect(b.Break || dropped > 0, "nothing was dropped for those that do not read")
	return v.finish("%d of %d members do not read, %d messages dropped for them: p99 of the others' deliveries %v, %.2f times that of a topic where all read",
		b.Stopped, b.Members, dropped, took.Round(10*time.Microsecond), ratio)
}

// measure publishes to both for a phase, and returns the p99 of the first one's deliveries, and how many times
// that of the other's it is, both in the middle of all windows.
func (b *stoppedCommand) measure(beside, alone *room) (ratio float64, p99 time.Duration) {
	began := time.Now()
	beside.listen(began)
	alone.listen(began)
	payload := make([]byte, slowMessage)
	first, second := beside, alone
	for time.Since(began) < b.Phase {
		for _, r := range []*room{first, second} {
			binary.BigEndian.PutUint64(payload, uint64(time.Since(began)))
			r.publish(payload)
		}
		first, second = second, first // the first one's deliveries keep the other's waiting
		time.Sleep(b.Pace)
	}
	ratio, p99, ok := beside.took.against(alone.took)
	if !ok {
		beside.v.miss("no deliveries")
	}
	return ratio, p99
}

// room is a server with a topic, and the members of it.
type room struct {
	bar     *stoppedCommand
	v       *verdict
	srv     *local
	topics  topics.Topics
	group   sync.WaitGroup
	members []*client // those that read, and behind them those that do not

	mu    sync.Mutex
	conns []*conn.Conn // guarded by mu: the members', at the server
	stuck []*conn.Conn // guarded by mu: of those that do not read
	began time.Time    // guarded by mu: of the present phase
	took  *windows     // guarded by mu: of its deliveries
}

// begin opens the connections, of which the last few do not read.
func (r *room) begin(ctx context.Context, stopped int) error {
	r.srv = newLocal(ctx)
	r.srv.Overflow = either(r.bar.scale, conn.OverflowDropOldest, conn.OverflowRefuse)
	r.srv.MaxPending = 64 << 10
	r.srv.WriteTimeout, r.srv.IdleTimeout = -1, -1 // on a slow machine these would come first
	r.srv.OnConnection = r.join
	ln, err := (&setup{SendBuffer: slowSlice}).listen(ctx)
	if err != nil {
		return err
	}
	r.srv.begin(ln)
	for i := range r.bar.Members {
		path := "/"
		if i >= r.bar.Members-stopped {
			path = "/stopped"
		}
		c, err := open(ctx, ln.Addr().String(), path)
		if err != nil {
			return err
		}
		r.members = append(r.members, c)
		if err := c.extend(time.Duration(r.bar.Tries)*r.bar.Phase + 4*patience); err != nil {
			return err
		}
		if path == "/" {
			r.group.Go(func() { r.read(c) })
		} else if err := c.tcp.SetReadBuffer(slowSlice); err != nil {
			return err
		}
	}
	all, err := eventually(ctx, patience, func() (bool, error) {
		r.mu.Lock()
		defer r.mu.Unlock()
		return len(r.conns) == r.bar.Members, nil
	})
	r.v.expect(all, "not all connections are members")
	return err
}

// join is the callback for a new connection.
func (r *room) join(c *conn.Conn) {
	if _, err := r.topics.Subscribe(c, stoppedTopic); err != nil {
		r.v.miss("subscribing: %v", err)
	}
	request, _ := c.Request()
	r.mu.Lock()
	defer r.mu.Unlock()
	r.conns = append(r.conns, c)
	if request.URL.Path != "/" {
		r.stuck = append(r.stuck, c)
	}
}

// fill sends to those that do not read until no more fits.
func (r *room) fill(ctx context.Context) error {
	for _, c := range r.stuck {
		full, err := eventually(ctx, patience, func() (bool, error) {
			for range 100 {
				err := c.SendMessage(conn.Message{Type: conn.Binary, Payload: make([]byte, slowMessage)})
				if errors.Is(err, conn.ErrPendingFull) {
					return true, nil
				}
				if err != nil {
					return false, err
				}
			}
			dropped, _ := c.Dropped()
			return dropped > 0, nil
		})
		if err != nil {
			return fmt.Errorf("a member that does not read: %w", err)
		}
		r.v.expect(full, "a member that does not read takes everything")
	}
	return nil
}

// publish sends a message to all members.
func (r *room) publish(payload []byte) {
	m := conn.Message{Type: conn.Binary, Payload: payload}
	if !r.bar.Break {
		if _, err := r.topics.Publish(stoppedTopic, m); err != nil {
			r.v.miss("publishing: %v", err)
		}
		return
	}
	for _, c := range slices.Concat(r.stuck, r.conns) {
		ctx, cancel := context.WithTimeout(context.Background(), stoppedWait)
		_ = c.SendWait(ctx, m)
		cancel()
	}
}

// listen begins a phase: a message has the time since then.
func (r *room) listen(began time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.began, r.took = began, &windows{phase: r.bar.Phase}
}

// read reads what a member is sent, to the end of its connection.
func (r *room) read(c *client) {
	for {
		opcode, payload, err := c.receive()
		if err != nil || opcode != wire.Binary {
			return
		}
		at := time.Duration(binary.BigEndian.Uint64(payload))
		r.mu.Lock()
		began, took := r.began, r.took
		r.mu.Unlock()
		if d := time.Since(began) - at; d > 0 { // else it was published in the phase before
			took.note(at, d)
		}
	}
}

// dropped is how many messages those lost that do not read.
func (r *room) dropped() (n int64) {
	for _, c := range r.stuck {
		messages, _ := c.Dropped()
		n += messages
	}
	return n
}

// end ends what was begun, if it was.
func (r *room) end() {
	closeAll(r.members)
	if r.srv != nil && r.srv.ln != nil {
		_ = r.srv.Close()
	}
	r.group.Wait()
}
