package server

import (
	"cmp"
	"fmt"
	"reflect"
	"runtime"

	"github.com/framerail/framerail/internal/gate"
	"github.com/framerail/framerail/internal/loop"
	"github.com/framerail/framerail/internal/memory"
	"github.com/framerail/framerail/internal/nethttp"
	"github.com/framerail/framerail/internal/platform"
)

// running is a server that has started: what it goes by, and what it has.
type running struct {
	policy
	life
	telling

	kernel  platform.Platform
	engine  []*loop.Loop
	loops   []*phases         // the server's part in each
	http    *nethttp.Handover // nil without a Handler
	nethttp *nethttp.Host     // what net/http has of connections
	gate    *gate.Gate
	budget  memory.Budget
}

// freeze takes the options as they are, with their defaults, for a system. s.mu is held.
func (s *Server) freeze(k platform.Platform) *running {
	r := &running{kernel: k, policy: s.policy()}
	r.life.init()
	r.telling.init(&r.config, k)
	r.gate = newGate(s, r)
	r.nethttp = newHost(r)
	return r
}

// start freezes the options and starts the loops on a system. s.mu is held.
func (s *Server) start(k platform.Platform) (*running, error) {
	if err := s.validate(); err != nil {
		return nil, err
	}
	r := s.freeze(k)
	n := s.Loops
	if n == 0 {
		n = runtime.GOMAXPROCS(0)
	}
	r.handshakesAtOnce = max(cmp.Or(s.MaxTLSHandshakes, defaultMaxTLSHandshakes)/n, 1)
	r.checksAtOnce = max(cmp.Or(s.MaxChecks, defaultMaxChecks)/n, 1)
	var failed int
	var err error
	if r.engine, failed, err = loop.New(n, r.options(s)); err != nil {
		return nil, fmt.Errorf("framerail: event loop %d of %d: %w", failed+1, n, err)
	}
	for _, l := range r.engine {
		r.loops = append(r.loops, newPhases(s, r, l))
	}
	r.boundMemory(s.MaxBuffers)
	actual := !k.Simulated()
	if actual && s.Handler != nil { // net/http needs sockets
		r.http = newHandover(s, r)
	}
	s.clients.setOrdered(!actual)
	loop.Start(r.engine)
	return r, nil
}

// mayServe tells what keeps the server from serving on a system, before anything is opened.
func (s *Server) mayServe(k platform.Platform) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch err := k.Supported(); {
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
		Platform: r.kernel, Logger: r.logger, CatchUp: r.handshakeTimeout,
		Cause: ErrServerClosed, Farewell: "server is shutting down", Short: r.budget.Short, Cut: r.cut.Done(),
		Callers: []string{reflect.TypeFor[running]().PkgPath() + ".(*running).askProgram("},
	}
	// In a simulation callbacks take no time by its clock.
	if limit := cmp.Or(s.SlowCallback, defaultSlowCallback); !r.kernel.Simulated() && limit > 0 {
		o.SlowCallback = limit
	}
	return o
}

// leastLoaded is the loop with the fewest connections.
func (r *running) leastLoaded() *phases { return r.loops[loop.LeastLoaded(r.engine).Number] }
