package server

import (
	"cmp"
	"fmt"
	"reflect"
	"runtime"

	"github.com/framerail/framerail/conn"
	"github.com/framerail/framerail/internal/gate"
	"github.com/framerail/framerail/internal/loop"
	"github.com/framerail/framerail/internal/memory"
	"github.com/framerail/framerail/internal/nethttp"
	"github.com/framerail/framerail/internal/phase"
	"github.com/framerail/framerail/internal/platform"
)

// running is a server that has started: what it goes by, and the rooms that it is built of.
type running struct {
	policy
	life
	telling

	judge    judge
	platform platform.Platform
	engine   []*loop.Loop
	loops    []*phase.Table    // the server's part in each
	http     *nethttp.Handover // nil without a Handler
	nethttp  *nethttp.Host     // what net/http has of connections
	gate     *gate.Gate
	budget   memory.Budget
}

// freeze takes the options as they are, with their defaults, for a system. s.mu is held.
func (s *Server) freeze(on platform.Platform) *running {
	r := &running{platform: on, policy: s.policy(loopsOf(s))}
	r.life.init()
	r.telling.init(&r.config, on)
	r.judge = judge{&r.policy, &r.telling}
	r.gate = newGate(s, r)
	r.nethttp = newHost(r)
	return r
}

// start freezes the options and starts the loops on a system. s.mu is held.
func (s *Server) start(on platform.Platform) (*running, error) {
	if err := s.validate(); err != nil {
		return nil, err
	}
	r := s.freeze(on)
	warn(s, r)
	n := loopsOf(s)
	var failed int
	var err error
	if r.engine, failed, err = loop.New(n, r.options(s)); err != nil {
		return nil, fmt.Errorf("framerail: event loop %d of %d: %w", failed+1, n, err)
	}
	actual := !on.Simulated()
	if actual && s.Handler != nil { // net/http needs sockets
		r.http = newHandover(s, r)
	}
	before := phaseOptions(s, r)
	for _, l := range r.engine {
		r.loops = append(r.loops, phase.New(l, before))
	}
	r.boundMemory(s.MaxBuffers)
	s.clients.setOrdered(!actual)
	loop.Start(r.engine)
	return r, nil
}

// loopsOf is how many event loops there are to be.
func loopsOf(s *Server) int { return cmp.Or(s.Loops, runtime.GOMAXPROCS(0)) }

// boundMemory sets the budget for loops that do not run yet.
func (r *running) boundMemory(limit int64) {
	var loops []memory.Loop
	for _, l := range r.loops {
		loops = append(loops, l)
	}
	r.budget.Init(loops, memory.Options{
		Limit:    limit,
		Longest:  r.before.Longest(),
		Platform: r.platform,
		Stopping: r.cut.Done(), // clients may stay for a while after Shutdown
		Logger:   r.logger,
	})
}

// mayServe tells what keeps the server from serving on a system, before anything is opened.
func (s *Server) mayServe(on platform.Platform) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch err := on.Supported(); {
	case err != nil:
		return err
	case s.stopped:
		return ErrServerClosed
	case s.run != nil:
		return nil // the options are taken
	}
	return s.validate()
}

// options are those of the loops.
func (r *running) options(s *Server) *loop.Options {
	o := &loop.Options{
		Platform: r.platform, Logger: r.logger, CatchUp: r.before.HandshakeTimeout,
		Cause: ErrServerClosed, Farewell: "server is shutting down", Short: r.budget.Short, Cut: r.cut.Done(),
		Adaptive: s.Dispatch == conn.Adaptive,
		Callers:  []string{reflect.TypeFor[judge]().PkgPath() + ".(*judge).askProgram("},
	}
	// In a simulation callbacks take no time by its clock.
	if limit := cmp.Or(s.SlowCallback, defaultSlowCallback); !r.platform.Simulated() && limit > 0 {
		o.SlowCallback = limit
	}
	return o
}

// leastLoaded is the loop with the fewest connections.
func (r *running) leastLoaded() *phase.Table { return r.loops[loop.LeastLoaded(r.engine).Number] }
