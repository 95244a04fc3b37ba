//go:build linux

package main

import (
	"context"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/framerail/framerail/conn"
)

// blockingCommand has one callback sleep. On an event loop that loop's other
// connections wait, and nobody else; on a goroutine nobody does. Broken, there is one
// loop for all, and no watchdog.
type blockingCommand struct {
	scale
	way
	Conns int           `default:"100" help:"Connections."`
	Loops int           `default:"4" help:"Event loops; divides the connections."`
	Sleep time.Duration `default:"5s" help:"How long the callback sleeps."`
}

func (b *blockingCommand) Run(ctx context.Context) error {
	ctx = b.within(ctx)
	if b.Short {
		b.Conns, b.Loops, b.Sleep = 40, 4, 6*time.Second
	}
	v := new(verdict)
	onLoop, err := b.block(ctx, v, conn.OnLoop)
	if err != nil {
		return err
	}
	v.expect(onLoop.waited == b.Conns/b.Loops-1, "on a loop of %d connections: %d others waited", b.Conns/b.Loops, onLoop.waited)
	v.expect(onLoop.named == 1, "on a loop: the watchdog named the callback %d times", onLoop.named)

	var elsewhere blocked
	for _, dispatch := range []conn.Dispatch{conn.OnGoroutines, conn.Adaptive} {
		r, err := b.block(ctx, v, dispatch)
		if err != nil {
			return err
		}
		v.expect(r.waited == 0, "dispatch %d: %d others waited", dispatch, r.waited)
		v.expect(r.named == 0, "dispatch %d: the watchdog named the callback %d times", dispatch, r.named)
		elsewhere.slowest = max(elsewhere.slowest, r.slowest)
	}
	return v.finish("a callback slept %v on 1 of %d loops: the %d others there waited, the %d elsewhere echoed, slowest %v; "+
		"the watchdog named it after %v; on a goroutine, and with a loop that it loses, nobody waited, slowest of %d %v",
		b.Sleep, b.Loops, onLoop.waited, b.Conns-1-onLoop.waited, onLoop.slowest.Round(time.Millisecond),
		onLoop.namedAfter.Round(time.Millisecond), b.Conns-1, elsewhere.slowest.Round(time.Millisecond))
}

// blocked is what came of a callback that slept.
type blocked struct {
	waited     int           // other connections that did not get on meanwhile
	slowest    time.Duration // echo of the rest
	named      int           // lines of the watchdog with the callback in their stack
	namedAfter time.Duration
}

func (b *blockingCommand) block(ctx context.Context, v *verdict, dispatch conn.Dispatch) (r blocked, err error) {
	log := &watchdogLog{callback: ".sleepInCallback "}
	asleep := make(chan struct{})
	srv := newLocal(ctx)
	srv.Dispatch, srv.Loops, srv.Logger = dispatch, either(b.scale, b.Loops, 1), slog.New(log)
	srv.SlowCallback = either[time.Duration](b.scale, 0, -1)
	srv.OnMessage = func(c *conn.Conn, m conn.Message) {
		if m.String() == "sleep" {
			sleepInCallback(asleep, b.Sleep)
		}
		echo(c, m)
	}
	if err := srv.Start(); err != nil {
		return r, err
	}
	defer srv.Close()
	clients, err := openAll(ctx, srv.address(), b.Conns)
	defer closeAll(clients)
	if err != nil {
		return r, err
	}

	var group sync.WaitGroup
	group.Go(func() {
		err := clients[0].echo([]byte("sleep"))
		v.expect(err == nil, "the connection whose callback slept: %v", err)
	})
	<-asleep
	began := time.Now()
	var mu sync.Mutex
	for i, c := range clients[1:] {
		group.Go(func() {
			slowest, err := echoUntil(ctx, c, began.Add(b.Sleep/2))
			v.expect(err == nil, "connection %d: %v", i+1, err)
			mu.Lock()
			defer mu.Unlock()
			if slowest > b.Sleep/2 {
				r.waited++
			} else {
				r.slowest = max(r.slowest, slowest)
			}
		})
	}
	group.Wait()
	if r.named = int(log.named.Load()); r.named > 0 {
		r.namedAfter = time.Unix(0, log.last.Load()).Sub(began)
	}
	counted := srv.Stats().Lag.SlowCallbacks
	v.expect(counted >= uint64(r.named), "named %d callbacks and counted %d", r.named, counted)
	return r, ctx.Err()
}

// sleepInCallback is what the watchdog has to name.
//
//go:noinline
func sleepInCallback(asleep chan<- struct{}, d time.Duration) {
	close(asleep)
	time.Sleep(d)
}

// echoUntil echoes until then, and returns how long the slowest took.
func echoUntil(ctx context.Context, c *client, then time.Time) (slowest time.Duration, err error) {
	for ; time.Now().Before(then); sleep(ctx, 20*time.Millisecond) {
		start := time.Now()
		if err := c.echo([]byte("beside it")); err != nil {
			return slowest, err
		}
		slowest = max(slowest, time.Since(start))
	}
	return slowest, nil
}

// watchdogLog is a slog.Handler that counts the lines with a stack in which the
// callback is, and drops them all.
type watchdogLog struct {
	callback string
	named    atomic.Int64
	last     atomic.Int64 // when, in Unix nanoseconds
}

func (h *watchdogLog) Enabled(_ context.Context, level slog.Level) bool {
	return level >= slog.LevelWarn
}

func (h *watchdogLog) Handle(_ context.Context, r slog.Record) error {
	r.Attrs(func(a slog.Attr) bool {
		if a.Key == "stack" && strings.Contains(a.Value.String(), h.callback) {
			h.named.Add(1)
			h.last.Store(r.Time.UnixNano())
		}
		return true
	})
	return nil
}

func (h *watchdogLog) WithAttrs([]slog.Attr) slog.Handler { return h }
func (h *watchdogLog) WithGroup(string) slog.Handler      { return h }
