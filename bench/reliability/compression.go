//go:build linux

package main

import (
	"bytes"
	"compress/flate"
	"context"
	"fmt"
	"io"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/framerail/framerail/bench/internal/wire"
	"github.com/framerail/framerail/conn"
	"github.com/framerail/framerail/server"
)

// compressionCommand floods one loop with compressed input that is short and takes long,
// beside neighbours on the same loop that echo. In turns with that, the flood is of
// messages of a byte: what the neighbours' echoes take then is what they may take, times
// the ratio. Then it wants more than CompressionPerSecond. Broken, callbacks hold the loop for
// what a read of compressed messages once took, and there is no limit by the second.
type compressionCommand struct {
	scale
	way
	Neighbours int           `default:"8" help:"Connections that echo, two hundred times a second each."`
	Rounds     int           `default:"5" help:"Phases of each kind."`
	Phase      time.Duration `default:"1s" help:"How long each phase is."`
	Ratio      float64       `default:"2" help:"How many times as long an echo's p99 may be as beside a flood of plain messages."`
	Turn       time.Duration `default:"2ms" help:"How much CPU the server may use for each turn of its loop."`
}

// compressionRate, in bytes a second, is the limit of the last part, and compressionSlack
// how many times that may be measured: a fifth of a second's worth comes at once.
const (
	compressionRate  = 16 << 20
	compressionSlack = 1.25
)

func (b *compressionCommand) Run(ctx context.Context) error {
	ctx = b.within(ctx)
	if b.Short {
		b.Rounds, b.Phase = 5, 200*time.Millisecond
	}
	v := new(verdict)
	var ratio, turn, said worst
	for _, dispatch := range b.dispatches() {
		for _, class := range compressedClasses() {
			if b.Break && class.says < burnFrom || dispatch == conn.OnLoop && class.says > 1<<20 {
				continue // the broken program minds long messages; long answers are compressed in one go on a loop
			}
			name := fmt.Sprintf("%s, dispatch %d", class.name, dispatch)
			r, err := b.flood(ctx, v, class, dispatch)
			if err != nil {
				return fmt.Errorf("%s: %w", name, err)
			}
			fmt.Printf("  %-70s p99 %5.2f x, %v of CPU a turn, %.1f MiB said a second of %d\n", name, r.ratio, r.turn, r.said/(1<<20), compressionRate>>20)
			v.measure(r.ratio <= b.Ratio, "%s: the neighbours' p99 is %.2f times that beside a plain flood", name, r.ratio)
			v.measure(r.turn <= b.Turn, "%s: a turn takes %v of CPU", name, r.turn)
			v.measure(r.said <= compressionRate*compressionSlack, "%s: %.0f bytes said a second, of %d", name, r.said, compressionRate)
			ratio.note(name, r.ratio)
			turn.note(name, r.turn.Seconds()*1e3)
			said.note(name, r.said/(1<<20))
		}
	}
	return v.finish("%d classes of compressed input, callbacks in each of three ways: neighbours' p99 at most %.2f times that beside a plain flood (%s); %.2f ms of CPU a turn (%s); %.1f MiB said a second of %d",
		len(compressedClasses()), ratio.factor, ratio.name, turn.factor, turn.name, said.factor, compressionRate>>20)
}

// compressedClass is compressed input that is cheap to send.
type compressedClass struct {
	name  string
	input []byte // one message
	says  int    // how many bytes
}

func compressedClasses() []compressedClass {
	key := [4]byte{1, 2, 3, 4}
	zeros := func(n int) []byte {
		var packed bytes.Buffer
		w, err := flate.NewWriter(&packed, flate.BestCompression)
		if err != nil {
			panic(err) // there is such a level
		}
		_, _ = w.Write(make([]byte, n)) // to memory
		_ = w.Flush()
		return wire.AppendDeflated(nil, wire.Binary, key, packed.Bytes()[:packed.Len()-4]) // RFC 7692 7.2.1
	}
	return []compressedClass{
		{"messages that say a thousand times their bytes", zeros(256 << 10), 256 << 10},
		{"messages of 16 MiB", zeros(16 << 20), 16 << 20},
		{"blocks without content", wire.AppendDeflated(nil, wire.Binary, key, bytes.Repeat(emptyCodes, 2000)), 0},
		{"empty messages", wire.AppendDeflated(nil, wire.Binary, key, []byte{0}), 0},
	}
}

// emptyCodes is a block of DEFLATE that has codes of its own and nothing else (RFC 1951
// 3.2.7), and then one that is stored, empty, and ends at a byte.
var emptyCodes = func() (b []byte) {
	bits := 0
	put := func(v, n int) {
		for i := range n {
			if bits%8 == 0 {
				b = append(b, 0)
			}
			b[len(b)-1] |= byte(v>>i&1) << (bits % 8)
			bits++
		}
	}
	put(0b100, 3)
	put(0, 10) // 257 lengths of literals and one of distances,
	put(14, 4) // in codes whose lengths are 18 numbers:
	put(0, 6)
	put(1, 3) // one is of "so many zeros",
	put(0, 14*3)
	put(1, 3)        // the other of 1.
	put(255, 8)      // 138 zeros,
	put(107<<1|1, 8) // 118 zeros,
	put(0, 3)        // a one each for the end and for distances; and the end
	put(0, 3)
	put(0, (8-bits%8)%8)
	return append(b, 0, 0, 0xff, 0xff)
}()

// flooded is what a flood did.
type flooded struct {
	ratio float64       // the neighbours' p99, of that beside a plain flood
	turn  time.Duration // CPU for each turn of the loop
	said  float64       // bytes a second with a limit on that
}

func (b *compressionCommand) flood(ctx context.Context, v *verdict, class compressedClass, dispatch conn.Dispatch) (r flooded, err error) {
	set := setup{
		Program: either(b.scale, "echo", "burner"), Dispatch: dispatch, Loops: 1, Deflate: server.Deflate{Enabled: true},
		Limits: server.Limits{Limits: conn.Limits{MaxMessageSize: 64 << 20, MessagesPerSecond: -1, CompressionPerSecond: -1}},
	}
	err = withServer(ctx, v, set, func(p *process) error {
		var ratios []float64
		var cpu time.Duration
		var turns uint64
		for range b.Rounds {
			plain, err := b.beside(ctx, p, compressedClass{input: oneByteMessage})
			if err != nil {
				return err
			}
			before, err := p.glance()
			if err != nil {
				return err
			}
			packed, err := b.beside(ctx, p, class)
			if err != nil {
				return err
			}
			// What else the machine does lasts for longer than a phase, and weighs on both.
			ratios = append(ratios, float64(packed)/float64(max(plain, 1)))
			after, err := p.glance()
			if err != nil {
				return err
			}
			cpu, turns = cpu+after.CPU-before.CPU, turns+after.Turns-before.Turns
		}
		slices.Sort(ratios)
		r.ratio = ratios[len(ratios)/2]
		r.turn = cpu / time.Duration(max(turns, 1))
		return nil
	})
	if err != nil || class.says == 0 {
		return r, err
	}
	set.CompressionPerSecond = either(b.scale, compressionRate, -1)
	set.Program = "echo"
	return r, withServer(ctx, v, set, func(p *process) (err error) {
		r.said, err = b.say(ctx, p, class)
		return err
	})
}

// attack has a connection send a class as fast as it is taken, until ctx is done, and
// returns how many messages were answered.
func (b *compressionCommand) attack(ctx context.Context, c *client, class compressedClass) (answered int, err error) {
	stop := context.AfterFunc(ctx, func() { _ = c.reset() })
	defer stop()
	var group sync.WaitGroup
	defer group.Wait()
	group.Go(func() {
		piece := bytes.Repeat(class.input, max(1, 64<<10/len(class.input)))
		for ctx.Err() == nil {
			if _, err := c.Write(piece); err != nil {
				return
			}
		}
	})
	for {
		_, _, _, err := wire.ReadFrame(c.in)
		if ctx.Err() != nil {
			return answered, nil
		}
		if err != nil {
			_ = c.reset()
			return answered, fmt.Errorf("the flood was ended: %w", err)
		}
		answered++
	}
}

// beside is the p99 of the neighbours' echoes beside a flood.
func (b *compressionCommand) beside(ctx context.Context, p *process, class compressedClass) (p99 time.Duration, err error) {
	neighbours, err := openAll(ctx, p.addr, b.Neighbours)
	defer closeAll(neighbours)
	if err != nil {
		return 0, err
	}
	attacker, err := openDeflating(ctx, p.addr, "/")
	if err != nil {
		return 0, err
	}
	phase, end := context.WithTimeout(ctx, b.Phase)
	defer end()
	var group sync.WaitGroup
	var failed atomic.Pointer[error]
	group.Go(func() {
		if _, err := b.attack(phase, attacker, class); err != nil {
			failed.Store(&err)
		}
	})
	took := make([][]time.Duration, len(neighbours))
	for i, c := range neighbours {
		group.Go(func() {
			for phase.Err() == nil {
				start := time.Now()
				if err := c.echo([]byte("are you still there?")); err != nil {
					failed.Store(&err)
					return
				}
				took[i] = append(took[i], time.Since(start))
				sleep(phase, 5*time.Millisecond)
			}
		})
	}
	group.Wait()
	if err := failed.Load(); err != nil {
		return 0, *err
	}
	all := slices.Concat(took...)
	slices.Sort(all)
	return all[len(all)*99/100], nil
}

// say is how many bytes a second a flood says where that is limited.
func (b *compressionCommand) say(ctx context.Context, p *process, class compressedClass) (perSecond float64, err error) {
	c, err := openDeflating(ctx, p.addr, "/")
	if err != nil {
		return 0, err
	}
	phase, end := context.WithTimeout(ctx, 3*time.Second)
	defer end()
	start := time.Now()
	answered, err := b.attack(phase, c, class)
	return float64(answered*class.says) / time.Since(start).Seconds(), err
}

// burnFrom is how long a message is, in bytes, for which burn holds its loop.
const burnFrom = 200 << 10

// burn is broken: its callback uses the CPU as all of a read of compressed messages once did.
func burn(srv *server.Server, _ *counters) {
	srv.OnMessage = func(c *conn.Conn, m conn.Message) {
		if len(m.Payload) >= burnFrom {
			for end := time.Now().Add(50 * time.Millisecond); time.Now().Before(end); {
				_, _ = io.Discard.Write(m.Payload)
			}
		}
		echo(c, m)
	}
}
