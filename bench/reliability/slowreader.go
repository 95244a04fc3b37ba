//go:build linux

package main

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/framerail/framerail/bench/internal/wire"
	"github.com/framerail/framerail/conn"
)

// slowReaderCommand has a producer send to peers that do not read, beside others that echo,
// under each overflow policy. At first the others are alone, while the producer keeps a
// core busy with sending to nobody: what their echoes take then, times the slack, is what
// they may take later. Both are measured against a plain server, which the machine keeps
// waiting as well. Broken, the bound on pending bytes is out of reach.
type slowReaderCommand struct {
	scale
	way
	Slow    int           `default:"500" help:"Peers that do not read."`
	Healthy int           `default:"500" help:"Peers that echo, ten times a second each."`
	Phase   time.Duration `default:"10s" help:"How long the others are alone, and then how long they are beside peers that do not read."`
	Pace    time.Duration `default:"0s" help:"Time between two messages to each slow peer, of 1 KiB; 0: as fast as can be."`
	Pending int           `default:"65536" help:"The bound on bytes pending to a peer."`
	Slack   float64       `default:"1.5" help:"How many times as long an echo's p99 may be, of a plain server's."`
	Tries   int           `default:"1" help:"How often that may be measured until it holds."`
	Slowing time.Duration `hidden:"" help:"How long a loop does nothing at an echo beside peers that do not read: p99 must be missed."`

	pause time.Duration // of a peer that echoes
}

// slowKeys is how many keys the producer has. slowSlice, in bytes, is all that the
// kernel is to hold for a slow peer, on each side.
const slowKeys, slowMessage, slowSlice = 10, 1 << 10, 8 << 10

func (b *slowReaderCommand) Run(ctx context.Context) error {
	ctx = b.within(ctx)
	b.pause = 100 * time.Millisecond
	if b.Short {
		b.Slow, b.Healthy, b.Phase, b.pause = 20, 20, time.Second, 10*time.Millisecond
	}
	v := new(verdict)
	var figure string
	err := withServer(ctx, v, setup{Faulty: "plain"}, func(plain *process) (err error) {
		figure, err = b.policies(ctx, v, plain)
		return err
	})
	if err != nil {
		return err
	}
	return v.finish("%d slow, %d healthy, bound %d B%s", b.Slow, b.Healthy, b.Pending, figure)
}

// policies holds each policy to it, beside a plain server.
func (b *slowReaderCommand) policies(ctx context.Context, v *verdict, plain *process) (figure string, err error) {
	policies := []conn.Overflow{conn.OverflowClose, conn.OverflowRefuse, conn.OverflowDropOldest, conn.OverflowLatest}
	for _, policy := range either(b.scale, policies, policies[1:2]) { // without a bound there is no policy
		s := &slowReaders{slowReaderCommand: b, policy: policy, v: v, plain: plain.addr, resume: make(chan struct{})}
		line, err := s.run(ctx)
		if err != nil {
			return "", fmt.Errorf("%v: %w", policy, err)
		}
		fmt.Printf("%v: %s\n", policy, line)
		figure += fmt.Sprintf("; %v: %s", policy, line)
	}
	return figure, nil
}

// slowReaders is the bar under one policy.
type slowReaders struct {
	*slowReaderCommand
	policy conn.Overflow
	v      *verdict
	plain  string // the address of the plain server

	mu    sync.Mutex
	conns []*conn.Conn // the slow peers', at the server

	resume  chan struct{} // closed when the slow peers read
	round   atomic.Int64  // the last that was sent
	most    int           // bytes seen pending to one of them
	refused atomic.Int64
	full    atomic.Int64 // connections closed for an overflow
}

func (s *slowReaders) run(ctx context.Context) (figure string, err error) {
	srv := newLocal(ctx)
	srv.Overflow = s.policy
	srv.MaxPending = either(s.scale, s.Pending, 1<<30)
	srv.WriteTimeout, srv.IdleTimeout = -1, -1 // on a slow machine these would come first
	srv.MessagesPerSecond = -1
	srv.OnMessage = s.answer
	srv.OnConnection = func(c *conn.Conn) {
		if r, _ := c.Request(); r.URL.Path == "/slow" {
			s.mu.Lock()
			s.conns = append(s.conns, c)
			s.mu.Unlock()
			c.OnClose(func(_ *conn.Conn, info conn.CloseInfo) {
				if errors.Is(info.Err, conn.ErrPendingFull) && info.Sent == 1013 {
					s.full.Add(1)
				}
			})
		}
	}
	ln, err := (&setup{SendBuffer: slowSlice}).listen(ctx)
	if err != nil {
		return "", err
	}
	srv.begin(ln)
	defer srv.Close()

	var group sync.WaitGroup
	defer group.Wait()
	healthy, err := s.open(ctx, ln.Addr().String(), "/", s.Healthy)
	defer func() { closeAll(healthy) }()
	if err != nil {
		return "", err
	}
	plain, err := s.open(ctx, s.plain, "/", s.Healthy)
	defer func() { closeAll(plain) }()
	if err != nil {
		return "", err
	}
	before, alone := s.measure(healthy, plain)
	slow, err := s.open(ctx, ln.Addr().String(), "/slow", s.Slow)
	defer func() { closeAll(slow) }()
	if err != nil {
		return "", err
	}
	readers := make([]*slowReader, s.Slow)
	for i := range readers {
		readers[i] = &slowReader{s: s, client: slow[i]}
		group.Go(readers[i].read)
	}
	after, beside := s.measure(healthy, plain)
	for tries := 1; tries < s.Tries && after > s.Slack*before; tries++ {
		after, beside = s.measure(healthy, plain)
	}
	s.verify(ctx, readers)
	s.v.measure(after <= s.Slack*before, "%v: p99 of an echo is %v, %.2f times the plain server's, and was %v, %.2f times", s.policy, beside, after, alone, before)
	return fmt.Sprintf("at most %d B pending, p99 %v, of the plain server's %.2f times before and %.2f: %.2f, %s", s.most,
		beside.Round(100*time.Microsecond), before, after, after/before, s.account()), nil
}

// answer is what the server does with a message of a healthy peer.
func (s *slowReaders) answer(c *conn.Conn, m conn.Message) {
	if len(s.peers()) > 0 {
		time.Sleep(s.Slowing)
	}
	echo(c, m)
}

// open opens n connections; what the kernel holds for those to the path of slow ones is little.
func (s *slowReaders) open(ctx context.Context, addr, path string, n int) ([]*client, error) {
	clients := make([]*client, n)
	err := each(ctx, n, 16, func(ctx context.Context, i int) (err error) {
		if clients[i], err = open(ctx, addr, path); err == nil && path != "/" {
			err = clients[i].tcp.SetReadBuffer(slowSlice)
		}
		return errors.Join(err, clients[i].extend(time.Duration(1+s.Tries)*s.Phase+4*patience))
	})
	return clients, err
}

// measure sends to the slow peers for a phase. It returns the p99 of the others' echoes meanwhile, and
// how many times that of a plain server's it is, both in the middle of all windows.
func (s *slowReaders) measure(healthy, plain []*client) (ratio float64, p99 time.Duration) {
	var done atomic.Bool
	var group sync.WaitGroup
	group.Go(func() { s.produce(); done.Store(true) })
	own, other := s.echoes(&group, &done, healthy), s.echoes(&group, &done, plain)
	group.Wait()
	ratio, p99, ok := own.against(other)
	if !ok {
		s.v.miss("%v: no echoes", s.policy)
	}
	return ratio, p99
}

// echoes has peers echo until it is done.
func (s *slowReaders) echoes(group *sync.WaitGroup, done *atomic.Bool, peers []*client) *windows {
	w, began := &windows{phase: s.Phase}, time.Now()
	for i, c := range peers {
		group.Go(func() {
			time.Sleep(time.Duration(i) * s.pause / time.Duration(len(peers)))
			for ; !done.Load(); time.Sleep(s.pause) {
				start := time.Now()
				if err := c.echo([]byte("are you still there?")); err != nil {
					s.v.miss("%v: healthy peer %d: %v", s.policy, i, err)
					return
				}
				w.note(start.Sub(began), time.Since(start))
			}
		})
	}
	return w
}

// produce sends a message to every slow peer there is, round after round, for a phase. A machine with other work may need
// longer until the bound is reached.
func (s *slowReaders) produce() {
	payload := make([]byte, slowMessage)
	end := time.Now().Add(s.Phase)
	least := 4 * s.Pending / slowMessage // rounds
	if len(s.peers()) == 0 {
		least = 0
	}
	for ; time.Now().Before(end) || least > 0 && time.Now().Before(end.Add(patience)); time.Sleep(s.Pace) {
		least--
		round := s.round.Add(1)
		binary.BigEndian.PutUint64(payload, uint64(round))
		for _, c := range s.peers() {
			if err := c.SendMessage(conn.Message{Type: conn.Binary, Key: slowKey(round), Payload: payload}); errors.Is(err, conn.ErrPendingFull) {
				s.refused.Add(1)
			}
			s.most = max(s.most, c.Pending())
		}
	}
}

// peers are the slow peers' connections at the server.
func (s *slowReaders) peers() []*conn.Conn {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.conns
}

func slowKey(round int64) string { return "key " + string(rune('0'+round%slowKeys)) }

// verify has the slow peers read, and looks at what they got.
func (s *slowReaders) verify(ctx context.Context, readers []*slowReader) {
	// A Close frame, with its reason, may come on top.
	s.v.expect(s.most <= s.Pending+128, "%v: %d bytes pending, bound %d", s.policy, s.most, s.Pending)
	close(s.resume)
	for i, c := range s.peers() {
		dropped, _ := c.Dropped()
		drops := s.policy == conn.OverflowDropOldest || s.policy == conn.OverflowLatest
		s.v.expect(drops == (dropped > 0), "%v: %d messages to slow peer %d were dropped", s.policy, dropped, i)
	}
	if s.policy == conn.OverflowClose {
		closed, _ := eventually(ctx, patience, func() (bool, error) { return int(s.full.Load()) == s.Slow, nil })
		s.v.expect(closed, "%v: %d of %d slow peers were closed with 1013", s.policy, s.full.Load(), s.Slow)
		return
	}
	s.v.expect(s.full.Load() == 0, "%v: %d slow peers were closed", s.policy, s.full.Load())
	s.v.expect((s.policy == conn.OverflowRefuse) == (s.refused.Load() > 0), "%v: %d sends refused", s.policy, s.refused.Load())
	if s.policy == conn.OverflowRefuse {
		return
	}
	// What was sent last was not dropped: neither of all, nor of each key.
	for i, r := range readers {
		arrived, err := eventually(ctx, patience, func() (bool, error) { return r.last.Load() == s.round.Load(), nil })
		s.v.expect(arrived && err == nil, "%v: slow peer %d got message %d as its last, of %d", s.policy, i, r.last.Load(), s.round.Load())
		if s.policy == conn.OverflowLatest {
			for back := range int64(slowKeys) {
				round := s.round.Load() - back
				s.v.expect(r.keys[round%slowKeys].Load() == round, "%v: slow peer %d got %d as the latest of a key, not %d",
					s.policy, i, r.keys[round%slowKeys].Load(), round)
			}
		}
	}
}

// account says what the policy did.
func (s *slowReaders) account() string {
	var dropped int64
	for _, c := range s.peers() {
		n, _ := c.Dropped()
		dropped += n
	}
	return fmt.Sprintf("%d closed, %d refused, %d dropped", s.full.Load(), s.refused.Load(), dropped)
}

// slowReader is a peer that does not read for a phase.
type slowReader struct {
	s      *slowReaders
	client *client
	last   atomic.Int64
	keys   [slowKeys]atomic.Int64
}

// read waits for the phase to be over, reads to the end, and wants each message to be whole and later than the one
// before.
func (r *slowReader) read() {
	<-r.s.resume
	for {
		opcode, payload, err := r.client.receive()
		if err != nil || opcode == wire.Close {
			return
		}
		if opcode != wire.Binary || len(payload) != slowMessage {
			r.s.v.miss("%v: a slow peer got opcode %#x with %d bytes", r.s.policy, opcode, len(payload))
			return
		}
		round := int64(binary.BigEndian.Uint64(payload))
		if last := r.last.Load(); round <= last {
			r.s.v.miss("%v: a slow peer got message %d behind %d", r.s.policy, round, last)
		}
		r.keys[round%slowKeys].Store(round)
		r.last.Store(round)
	}
}
