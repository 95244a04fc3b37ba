package client_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http/httptrace"
	"strings"
	"testing"
	"time"

	"github.com/framerail/framerail/client"
	"github.com/framerail/framerail/conn"
	"github.com/framerail/framerail/internal/test/testcert"
	"github.com/framerail/framerail/server"
	"github.com/framerail/framerail/server/servertest"
)

// outcome is what became of the connections of a simulation.
type outcome struct {
	sum                    uint64
	opened, failed, echoes int
	ended                  int
	errs                   []error
}

// play has clients dial, send, and close, on a machine with faults. cancelAfter steps the first dial is cancelled.
func play(t *testing.T, seed uint64, faults servertest.Faults, cancelAfter int) (o outcome) {
	t.Helper()
	quiet := slog.New(slog.DiscardHandler)
	srv := &server.Server{OnMessage: func(c *conn.Conn, m conn.Message) { _ = c.SendMessage(m) }, Logger: quiet}
	sim := servertest.New(seed, srv)
	sim.Faults = faults
	c := &client.Client{
		Transport: sim.Transport(), Logger: quiet,
		OnMessage: func(c *conn.Conn, _ conn.Message) { o.echoes++; _ = c.Close(1000, "") },
		OnClose:   func(*conn.Conn, conn.CloseInfo) { o.ended++ },
	}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	for i := range 10 {
		sim.Go(func() {
			within := context.Background()
			if i == 0 {
				within = ctx
			}
			nc, err := c.Dial(within, fmt.Sprintf("ws://server.test/%d", i))
			if err != nil {
				o.failed++
				o.errs = append(o.errs, err)
				return
			}
			o.opened++
			_ = nc.SendText("hello")
		})
	}
	for i := 0; sim.Step(); i++ {
		if i == cancelAfter {
			cancel()
		}
	}
	sim.Advance(2 * time.Minute)
	over := false
	sim.Go(func() {
		_ = c.Close()
		over = true
	})
	sim.RunUntil(time.Minute, func() bool { return over })
	if err := sim.Close(); err != nil {
		t.Errorf("seed %d: %v", seed, err)
	}
	o.sum = sim.Sum()
	return o
}

// Both ends run on one simulated machine, and dials open connections there.
func TestSimulated_DialsAndCloses(t *testing.T) {
	o := play(t, 1, servertest.Faults{}, -1)
	if o.opened != 10 || o.echoes != 10 || o.ended != 10 {
		t.Errorf("%+v", o)
	}
}

// TLS is spoken at both ends of the machine, too.
func TestSimulated_TLS(t *testing.T) {
	srv := &server.Server{TLSConfig: testcert.Config().Clone(), Logger: slog.New(slog.DiscardHandler), OnMessage: func(c *conn.Conn, m conn.Message) { _ = c.SendMessage(m) }}
	sim := servertest.New(5, srv)
	sim.Faults = servertest.Faults{Cuts: 0.5, ShortReads: 0.3, ShortWrites: 0.3}
	config := testcert.Trusting()
	config.Time = func() time.Time { return time.Now() } // by which the certificate was made
	got := ""
	c := &client.Client{Transport: sim.Transport(), TLSConfig: config, Logger: srv.Logger, OnMessage: func(_ *conn.Conn, m conn.Message) { got = m.String() }}
	sim.Go(func() {
		nc, err := c.Dial(context.Background(), "wss://localhost/")
		if err != nil {
			t.Error(err)
			return
		}
		_ = nc.SendText("hello")
	})
	sim.Settle()
	if got != "hello" {
		t.Errorf("got %q", got)
	}
	sim.Go(func() { _ = c.Shutdown(sim.Context(time.Minute)) })
	sim.Advance(time.Minute)
	if err := sim.Close(); err != nil {
		t.Error(err)
	}
}

// Whatever fails, each dial ends, nothing is left behind, and a seed replays exactly.
func TestSimulated_Faults(t *testing.T) {
	rough := servertest.Rough()
	rough.Dials, rough.Resets, rough.Cuts = 0.2, 0.02, 0.9
	var opened, failed int
	for seed := range uint64(40) {
		o, again := play(t, seed, rough, -1), play(t, seed, rough, -1)
		if o.sum != again.sum || o.opened != again.opened {
			t.Errorf("seed %d: %+v, and then %+v", seed, o, again)
		}
		if o.opened+o.failed != 10 || o.ended < o.opened {
			t.Errorf("seed %d: %+v", seed, o)
		}
		opened, failed = opened+o.opened, failed+o.failed
	}
	if opened == 0 || failed == 0 {
		t.Errorf("%d opened, %d failed", opened, failed)
	}
}

// A dial ends when it is cancelled, after each number of steps of the machine.
func TestSimulated_CancelledAtEachStep(t *testing.T) {
	cancelled := 0
	for step := range 300 {
		o := play(t, 7, servertest.Faults{Cuts: 0.9}, step)
		for _, err := range o.errs {
			if !errors.Is(err, context.Canceled) {
				t.Errorf("step %d: %v", step, err)
			}
		}
		cancelled += o.failed
	}
	if cancelled == 0 {
		t.Error("no dial was cancelled")
	}
}

// A server that accepts nobody in time ends the dial by the machine's clock.
func TestSimulated_Late(t *testing.T) {
	srv := &server.Server{Logger: slog.New(slog.DiscardHandler)}
	sim := servertest.New(3, srv)
	sim.Faults.Accepts = 0.9
	sim.Faults.Stalls = 0.9
	c := &client.Client{Transport: sim.Transport(), Logger: srv.Logger}
	c.HandshakeTimeout = time.Millisecond
	var err error
	over := false
	sim.Go(func() {
		_, err = c.Dial(context.Background(), "ws://server.test/")
		over = true
	})
	sim.RunUntil(time.Minute, func() bool { return over })
	if !errors.Is(err, context.DeadlineExceeded) {
		t.Error(err)
	}
	sim.Faults = servertest.Faults{}
	sim.Go(func() { _ = c.Close() })
	sim.Settle()
	if err := sim.Close(); err != nil {
		t.Error(err)
	}
}

// What a client cannot have on the machine is refused with words.
func TestSimulated_OptionsOfTransportsAreRefused(t *testing.T) {
	traced := httptrace.WithClientTrace(context.Background(), new(httptrace.ClientTrace))
	for says, tc := range map[string]struct {
		c   *client.Client
		ctx context.Context
	}{
		"DialContext":  {&client.Client{DialContext: new(net.Dialer).DialContext}, context.Background()},
		"MaxRedirects": {&client.Client{MaxRedirects: 1}, context.Background()},
		"a trace":      {new(client.Client), traced},
	} {
		srv := &server.Server{Logger: slog.New(slog.DiscardHandler)}
		sim := servertest.New(5, srv)
		tc.c.Transport, tc.c.Logger = sim.Transport(), srv.Logger
		var err error
		sim.Go(func() { _, err = tc.c.Dial(tc.ctx, "ws://server.test/") })
		sim.Settle()
		if err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%s: %v", says, err)
		}
		sim.Go(func() { _ = tc.c.Close() })
		sim.Settle()
		if err := sim.Close(); err != nil {
			t.Error(err)
		}
	}
}

// Reconnecting waits by the machine's clock: clients whose server closes them with 1012 come back over some time, and
// each of them does.
func TestSimulated_ClientsComeBackWithoutAStampede(t *testing.T) {
	const clients = 300
	var up, back int
	var restarted time.Time
	perSecond := make(map[int]int)
	srv := &server.Server{Logger: slog.New(slog.DiscardHandler), Limits: server.Limits{MaxConnections: -1, HandshakesPerSecond: -1}}
	sim := servertest.New(11, srv)
	c := &client.Client{Transport: sim.Transport(), Logger: srv.Logger}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	ended := 0
	for range clients {
		r := &client.Reconnecting{Client: c, URL: "ws://server.test/", OnUp: func(*conn.Conn) {
			if up++; !restarted.IsZero() {
				back++
				perSecond[int(sim.Now().Sub(restarted)/time.Second)]++
			}
		}}
		sim.Go(func() {
			_ = r.Run(ctx)
			ended++
		})
	}
	sim.Settle()
	if up != clients {
		t.Fatalf("%d of %d are up", up, clients)
	}
	sim.Advance(time.Minute)
	restarted = sim.Now()
	for ws := range srv.Clients() {
		_ = ws.Close(1012, "restart")
	}
	sim.Advance(time.Minute)
	if back != clients {
		t.Errorf("%d of %d are back", back, clients)
	}
	for second, n := range perSecond {
		if n > clients/10 {
			t.Errorf("%d came in second %d", n, second)
		}
	}
	cancel()
	sim.RunUntil(time.Minute, func() bool { return ended == clients })
	sim.Go(func() { _ = c.Close() })
	sim.Settle()
	if err := sim.Close(); err != nil {
		t.Error(err)
	}
}
