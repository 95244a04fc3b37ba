package client

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"time"

	"github.com/framerail/framerail/conn"
	"github.com/framerail/framerail/frame"
	"github.com/framerail/framerail/frame/deflate"
	"github.com/framerail/framerail/internal/callbacks"
	"github.com/framerail/framerail/internal/handshake"
	"github.com/framerail/framerail/internal/loop"
	"github.com/framerail/framerail/internal/memory"
	"github.com/framerail/framerail/internal/nethttp"
	"github.com/framerail/framerail/internal/platform"
	"github.com/framerail/framerail/internal/sampler"
	"github.com/framerail/framerail/internal/session"
)

// running is a client that has dialled: its options as they stood then, with every default filled in,
// and what it has.
type running struct {
	config           session.Config
	header           http.Header // canonical
	subprotocols     []string
	wishes           []deflate.Params
	extensions       string // the offer that the wishes make
	handshakeTimeout time.Duration
	maxRedirects     int
	checkAnswer      func(*http.Response) error
	onConnection     func(*conn.Conn)

	requests
	system platform.Platform
	host   *nethttp.Host // which takes connections from net/http
	engine []*loop.Loop
	loops  []*tenants // the client's part in each
	shared            // how it is on a server's loops
	ends   ends

	budget memory.Budget
	counters

	ending
	busy loop.Tasks // dials, relayed connections, and connections until their close callback has returned
}

// requests is what makes the requests of dials.
type requests struct {
	http   *http.Client
	owns   bool // its transport dials through this package
	direct direct
}

// ending ends dials.
type ending struct {
	stop   context.Context // done when dials are to end
	cancel context.CancelCauseFunc
}

// start freezes the options and starts the loops. c.mu is held.
func (c *Client) start() (*running, error) {
	system := c.platform()
	if err := system.Supported(); err != nil {
		return nil, err
	}
	config := c.config().WithDefaults()
	if err := c.validate(&config); err != nil {
		return nil, requestError{err}
	}
	rt, tlsConfig, own, err := c.transport()
	if err != nil {
		return nil, requestError{err}
	}
	r := &running{
		config: config, system: system, header: c.header(), subprotocols: slices.Clone(c.Subprotocols),
		wishes: c.Deflate.wishes(), handshakeTimeout: cmp.Or(c.HandshakeTimeout, defaultHandshakeTimeout),
		maxRedirects: c.MaxRedirects, checkAnswer: c.Check, onConnection: c.OnConnection,
	}
	r.extensions = string(deflate.AppendOffers(nil, r.wishes...))
	r.requests = requests{&http.Client{Transport: rt, Jar: c.Jar, CheckRedirect: r.checkRedirect}, own, c.newDirect(rt, tlsConfig, system)}
	r.host = &nethttp.Host{Options: nethttp.Options{Platform: system, Begin: r.beginRelay, End: r.busy.End}}
	r.stop, r.cancel = context.WithCancelCause(context.Background())
	if lent, ok := session.Loops(c.EventLoops).All().(loop.Shared); ok {
		return r, r.share(c, lent)
	}
	return r, r.startLoops(c, system)
}

// platform is the system that the client dials on: the one of its Transport, if that is a simulated machine's.
func (c *Client) platform() platform.Platform {
	if d, ok := c.Transport.(platform.Dialer); ok {
		return d.Platform()
	}
	return platform.Real{}
}

// startLoops makes loops of the client's own.
func (r *running) startLoops(c *Client, system platform.Platform) (err error) {
	o := &loop.Options{
		Platform: system, Logger: r.config.Logger, CatchUp: r.handshakeTimeout,
		Cause: ErrClientClosed, Farewell: "client is shutting down",
		Adaptive: c.Dispatch == conn.Adaptive,
	}
	if limit := cmp.Or(c.SlowCallback, defaultSlowCallback); limit > 0 && !system.Simulated() {
		o.SlowCallback = limit
	}
	o.Short = r.budget.Short
	n := cmp.Or(c.Loops, 1)
	var failed int
	if r.engine, failed, err = loop.New(n, o); err != nil {
		return fmt.Errorf("framerail: event loop %d of %d: %w", failed+1, n, err)
	}
	for _, l := range r.engine {
		ts := &tenants{Loop: l, run: r}
		ts.register()
		r.loops = append(r.loops, ts)
	}
	r.boundMemory(c.MaxBuffers)
	loop.Start(r.engine)
	return nil
}

// boundMemory sets the budget for loops that do not run yet.
func (r *running) boundMemory(limit int64) {
	var loops []memory.Loop
	for _, ts := range r.loops {
		loops = append(loops, ts)
	}
	r.budget.Init(loops, memory.Options{
		Limit: limit, Platform: r.system, Stopping: r.stop.Done(), Logger: r.config.Logger,
	})
}

// beginRelay counts a connection that goroutines carry.
func (r *running) beginRelay() {
	r.relayed.Add(1)
	r.busy.Begin()
}

// config is what the options say about connections.
func (c *Client) config() session.Config {
	set := callbacks.Set{
		Message: c.OnMessage, Stream: c.OnStream, Ping: c.OnPing, Pong: c.OnPong, Close: c.OnClose, Drained: c.OnDrained,
	}
	cfg := session.Limits(c.Limits.Limits).Config()
	cfg.Role = frame.Client
	cfg.Handlers = set.Handlers()
	cfg.AutoAnswer = session.AutoAnswer(c.AutoAnswer)
	cfg.Dispatch = session.Dispatch(c.Dispatch)
	cfg.Overflow = session.Overflow(c.Overflow)
	cfg.PingInterval = c.PingInterval
	cfg.Logger = slog.New(sampler.New(cmp.Or(c.Logger, slog.Default()).Handler(), time.Now))
	return cfg
}

// validate refuses impossible options.
func (c *Client) validate(config *session.Config) error {
	if c.Loops < 0 || c.MaxRedirects < 0 || c.HandshakeTimeout < 0 {
		return errors.New("framerail: Loops, MaxRedirects or HandshakeTimeout is negative")
	}
	if _, ok := c.Transport.(platform.Dialer); ok && (c.DialContext != nil || c.MaxRedirects > 0) {
		return errors.New("framerail: DialContext or MaxRedirects is set, and dials on a simulated machine have neither")
	}
	if err := config.Validate(); err != nil {
		return err
	}
	if err := session.Limits(c.Limits.Limits).Validate(); err != nil {
		return err
	}
	if err := (*handshake.Deflate)(&c.Deflate).Validate(); err != nil {
		return err
	}
	return c.validateRequest()
}

// drain waits for everything to end, until ctx is done.
func (r *running) drain(ctx context.Context) error {
	if r.isShared {
		return r.drainShared(ctx)
	}
	for _, l := range r.engine {
		if !r.system.Await(l.Done(), ctx.Done(), time.Time{}) {
			return r.cut(ctx.Err())
		}
	}
	if !r.system.Await(r.busy.Idle(), ctx.Done(), time.Time{}) {
		return fmt.Errorf("framerail: shutdown: close callbacks have not returned: %w", ctx.Err())
	}
	return nil
}

// cut cuts what the context left no more time for.
func (r *running) cut(err error) error {
	for _, l := range r.engine {
		l.Command(loop.Abort)
	}
	if late := loop.AwaitCut(r.system, r.engine, err); late != nil {
		return late
	}
	return fmt.Errorf("framerail: shutdown cut connections: %w", err)
}
