// Package lives simulates whole lives of connections, from dialling to the close
// callback, on package servertest's machine. It reports what must not happen: a message
// lost, doubled, out of order or with another connection; a close callback missing,
// doubled or too early; memory beyond its bounds; anything left behind. It is for the
// tests of this module and for its reliability bars.
package lives

import (
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"time"

	"github.com/framerail/framerail/conn"
	"github.com/framerail/framerail/frame/deflate"
	"github.com/framerail/framerail/internal/test/testcert"
	"github.com/framerail/framerail/server"
	"github.com/framerail/framerail/server/servertest"
)

// Plan is what is to be played.
type Plan struct {
	// Seed decides everything, the server's options included.
	Seed uint64
	// Clients is how many connect, a few at a time.
	Clients int
	// Faults are the machine's.
	Faults servertest.Faults
	// TLS: the clients speak it.
	TLS bool
	// Closes: every callback closes some connection.
	Closes bool
	// Break is a fault for the program that serves, which must be noticed. Zero: none.
	Break Break
}

// recordOverhead is what TLS records may add to the frames that wait to be written: the
// headers of one write of the largest size, in records of one packet each.
const recordOverhead = 1 << 10

// Break is a way for a program to be wrong.
type Break uint8

const (
	_           Break = iota
	BreakDouble       // now and then a message is sent twice
	BreakLose         // or not at all
	BreakCross        // or to another connection
	BreakAlter        // or with a bit flipped
	BreakForget       // a callback does not return
)

// Result is what was played.
type Result struct {
	// Lives is how many connections there were, Opened how many of them had a
	// handshake that was accepted, Clean how many a clean end.
	Lives, Opened, Clean int
	// Received and Sent are messages, as the server counts.
	Received, Sent int
	// Steps is how many things happened.
	Steps int
	// Sum is the hash of the trace.
	Sum uint64
}

// Add adds o to r.
func (r *Result) Add(o Result) {
	r.Lives += o.Lives
	r.Opened += o.Opened
	r.Clean += o.Clean
	r.Received += o.Received
	r.Sent += o.Sent
	r.Steps += o.Steps
	r.Sum ^= o.Sum
}

const (
	atATime     = 8       // connections
	maxSteps    = 200_000 // for each connection; far more than one takes
	longestPlay = 24 * time.Hour

	idleTimeout  = 10 * time.Second
	closeTimeout = 2 * time.Second
)

// world is a server and its clients.
type world struct {
	plan   Plan
	rnd    *rand.Rand
	sim    *servertest.Sim
	srv    *server.Server
	end    time.Time
	lives  []*life
	active []*life // not known to be over
	bound  int     // on bytes pending
	buf    []byte  // of messages
	result Result
	broken []error
}

// Play plays a plan. The error is all that went wrong.
func Play(plan Plan) (Result, error) {
	w := &world{plan: plan, rnd: rand.New(rand.NewPCG(plan.Seed, 1))}
	w.srv = w.server()
	w.sim = servertest.New(plan.Seed, w.srv)
	w.sim.Faults = plan.Faults
	w.sim.Buffer = 1 << (9 + w.rnd.IntN(9))
	w.end = w.sim.Now().Add(longestPlay)
	w.play()
	if _, err := w.srv.Shutdown(w.sim.Context(time.Minute)); err != nil && w.plan.Break != BreakForget {
		w.breach("Shutdown, with nobody left: %v", err)
	}
	if err := w.sim.Close(); err != nil {
		w.broken = append(w.broken, err)
	}
	for _, l := range w.lives {
		l.checkEnd()
	}
	w.result.Lives = len(w.lives)
	w.result.Sum, w.result.Steps = w.sim.Sum(), w.sim.Steps()
	if err := errors.Join(w.broken...); err != nil {
		return w.result, fmt.Errorf("seed %d: %w", plan.Seed, err)
	}
	return w.result, nil
}

// PlayTwice plays a plan, and then the same without events of registrations that are
// gone: neither a read that finds nothing may come of one nor anything else, so that
// the course is the same. The Result is the first one's.
func PlayTwice(plan Plan) (Result, error) {
	with, err := Play(plan)
	if err != nil {
		return with, err
	}
	plan.Faults.Gone = 0
	without, err := Play(plan)
	if err == nil && with != without {
		err = fmt.Errorf("seed %d: with events of those gone %+v, without %+v", plan.Seed, with, without)
	}
	return with, err
}

// server is a server whose options depend on the seed.
func (w *world) server() *server.Server {
	srv := &server.Server{
		Loops:    1 + w.rnd.IntN(3),
		Dispatch: conn.Dispatch(w.rnd.IntN(3)),
		Overflow: conn.Overflow(w.rnd.IntN(4)),
		Logger:   slog.New(slog.DiscardHandler),
		Limits: server.Limits{
			Limits: conn.Limits{MaxMessageSize: 32 << 10, MaxFragments: 50,
				MaxPending:    2048 << w.rnd.IntN(8),
				QueueMessages: 1 + w.rnd.IntN(8), QueueBytes: 1 << w.rnd.IntN(16),
				IdleTimeout: idleTimeout, CloseTimeout: closeTimeout}, HandshakeTimeout: closeTimeout,
		},
	}
	if p := w.deflateParams(); w.rnd.IntN(2) == 0 {
		srv.DeflateThreshold = 1 + w.rnd.IntN(200)
		srv.Deflate = server.Deflate{
			Enabled:        true,
			ServerTakeover: !p.ServerNoContextTakeover, ServerWindowBits: p.ServerMaxWindowBits,
			ClientTakeover: !p.ClientNoContextTakeover, ClientWindowBits: p.ClientMaxWindowBits,
		}
	}
	if w.rnd.IntN(3) == 0 {
		srv.MaxBuffers = 8 << (10 + w.rnd.IntN(5)) // less than they want together
	}
	w.bound = srv.MaxPending + 1<<10 + 2 + 125 // control frames have 1 KiB, the Close frame its own place
	if w.plan.TLS {
		srv.TLSConfig = testcert.Config()
		w.bound += recordOverhead
	}
	w.program(srv)
	return srv
}

// deflateParams are what somebody might want of permessage-deflate.
func (w *world) deflateParams() deflate.Params {
	window := func() int { return [...]int{0, 0, 15, 12, 9, 8}[w.rnd.IntN(6)] }
	return deflate.Params{
		ServerNoContextTakeover: w.rnd.IntN(3) == 0, ServerMaxWindowBits: window(),
		ClientNoContextTakeover: w.rnd.IntN(3) == 0, ClientMaxWindowBits: window(),
	}
}

func (w *world) breach(format string, args ...any) {
	if len(w.broken) < 10 {
		w.broken = append(w.broken, fmt.Errorf(format, args...))
	}
}

// play has clients come, do things and go, until all have gone.
func (w *world) play() {
	shutdown := len(w.lives)
	if w.rnd.IntN(2) == 0 {
		shutdown = 1 + w.rnd.IntN(w.plan.Clients) // the server does not wait for the last
	}
	if w.rnd.IntN(2) == 0 {
		w.sim.Go(w.produce)
	}
	for round := 0; len(w.active) > 0 || len(w.lives) < w.plan.Clients; round++ {
		if round > maxSteps*w.plan.Clients || w.sim.Now().After(w.end) {
			for _, l := range w.active {
				w.breach("%v does not come to its end: opened %d, closed %d, client's end %v", l, l.opened, l.closed, l.client.End())
			}
			return
		}
		if len(w.lives) < w.plan.Clients && len(w.active) < atATime && w.rnd.IntN(4) == 0 {
			w.dial()
		}
		if len(w.active) > 0 {
			w.active[w.rnd.IntN(len(w.active))].act()
		}
		w.steps(w.rnd.IntN(12))
		if shutdown > 0 && len(w.lives) >= shutdown {
			drained, err := w.srv.Shutdown(w.sim.Context(time.Duration(w.rnd.IntN(4000)) * time.Millisecond))
			if drained.Clean < 0 || drained.Forced < 0 || drained.Lost < 0 || err == nil && drained.Open != 0 {
				w.breach("Shutdown returned %+v and %v", drained, err)
			}
			shutdown = 0
			w.plan.Clients = min(w.plan.Clients, len(w.lives)+2) // two find it gone
		}
	}
}

// steps lets n things happen; if there are not so many, time passes.
func (w *world) steps(n int) {
	for range n {
		if !w.sim.Step() {
			w.sim.Advance(time.Duration(1+w.rnd.IntN(500)) * time.Millisecond)
			return
		}
	}
	if w.rnd.IntN(50) == 0 {
		w.sim.Advance(time.Duration(w.rnd.IntN(100)) * time.Millisecond)
	}
}
