package server

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"net/netip"
	"reflect"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"github.com/framerail/framerail/conn"
	"github.com/framerail/framerail/internal/gate"
	"github.com/framerail/framerail/internal/handshake"
	"github.com/framerail/framerail/internal/loop"
	"github.com/framerail/framerail/internal/memory"
	"github.com/framerail/framerail/internal/platform"
	"github.com/framerail/framerail/internal/session"
	"github.com/framerail/framerail/internal/stacktrace"
)

// running is a server's options as they stood when it started, with every default
// filled in, and its loops.
type running struct {
	config  session.Config
	logger  *slog.Logger
	sampled *sampler // what logger logs to

	path             string
	routes           bool // the Handler gets handshakes, too
	originPatterns   []string
	subprotocols     []string
	noSubprotocol    *handshake.Refusal // of who offers none; nil: it is accepted
	check            func(*Handshake) error
	checkAside       bool          // check runs on goroutines
	checksAtOnce     int           // of one loop
	checkTimeout     time.Duration // for each
	deflate          Deflate
	proxies          Proxies
	handshakeTimeout time.Duration
	head             handshake.Limits
	bodyTimeout      time.Duration // negative: no limit
	handshakesAtOnce int           // TLS handshakes of one loop

	kernel  platform.Platform
	engine  []*loop.Loop
	loops   []*phases // the server's part in each
	http    *handover // nil without a Handler
	refused [reasonCount]atomic.Uint64
	gate    *gate.Gate
	budget  memory.Budget
	bridges tasks         // that have something to carry
	aside   tasks         // checks and TLS handshakes, which have goroutines
	asking  atomic.Int64  // handlers of net/http's in which a check runs
	drained sync.Once     // the end of the shutdown is logged
	panics  atomic.Uint64 // in Check, before there is a connection
	expired atomic.Uint64 // connections of net/http's, by their lifetime
	stalled atomic.Uint64 // connections of net/http's that stood still

	// Done when the server is told to stop, and when connections are to be cut.
	stop, cut         context.Context
	tellStop, tellCut context.CancelFunc
	stopping          <-chan struct{} // of stop
}

// freeze takes the options as they are, with their defaults, for a system. s.mu is held.
func (s *Server) freeze(k platform.Platform) *running {
	r := &running{
		kernel:           k,
		config:           s.config().WithDefaults(),
		path:             s.Path,
		routes:           s.RouteUpgrades,
		originPatterns:   append([]string(nil), s.OriginPatterns...),
		subprotocols:     append([]string(nil), s.Subprotocols...),
		check:            s.Check,
		checkAside:       s.CheckDispatch == conn.OnGoroutines,
		checkTimeout:     cmp.Or(s.CheckTimeout, defaultCheckTimeout),
		bodyTimeout:      cmp.Or(s.BodyTimeout, defaultBodyTimeout),
		deflate:          s.Deflate,
		proxies:          s.Proxies.withDefaults(),
		handshakeTimeout: cmp.Or(s.HandshakeTimeout, defaultHandshakeTimeout),
		head:             handshake.Limits{MaxHeadBytes: s.MaxHandshakeBytes, MaxHeaders: s.MaxHandshakeHeaders},
	}
	if s.RequireSubprotocol {
		r.noSubprotocol = handshake.NoSubprotocol(r.subprotocols)
	}
	r.stop, r.tellStop = context.WithCancel(context.Background())
	r.cut, r.tellCut = context.WithCancel(context.Background())
	r.stopping = r.stop.Done()
	r.config.MaxLifetime = cmp.Or(s.MaxLifetime, defaultMaxLifetime)
	r.sampled = newSampler(r.config.Logger.Handler(), k.Now)
	r.logger = slog.New(r.sampled)
	r.config.Logger = r.logger
	r.gate = s.newGate(r)
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
		r.http = newHandover(s, r, r.sampled.of("net/http"))
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
		Platform: r.kernel, Config: &r.config, Logger: r.logger, CatchUp: r.handshakeTimeout,
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

// panicked counts and logs a callback of no connection that did not return.
func (r *running) panicked(where string, p any) {
	r.panics.Add(1)
	r.logger.Error("framerail: a callback panicked", "callback", where, "panic", p, "stack", stacktrace.Panic())
}

// sendable is the answer in place of one that the program has made and that cannot be sent.
func (r *running) sendable(remote netip.AddrPort, refusal *handshake.Refusal) *handshake.Refusal {
	err := refusal.Validate()
	if err == nil {
		return refusal
	}
	r.logger.Error("framerail: refusal of the program cannot be sent", "remote", remote, "error", err)
	return handshake.ErrInternal
}

// logRefusal logs that a client was refused, and why if the program has said more than
// the status.
func (r *running) logRefusal(remote netip.AddrPort, refusal *handshake.Refusal) {
	attrs := []any{"remote", remote, "status", refusal.Status, "reason", refusal.Reason}
	if _, bare := refusal.Cause.(*Refusal); refusal.Cause != nil && !bare {
		attrs = append(attrs, "error", refusal.Cause)
	}
	r.logger.Info("framerail: handshake refused", attrs...)
}
