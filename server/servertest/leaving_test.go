package servertest_test

import (
	"log/slog"
	"slices"
	"testing"
	"time"

	"github.com/framerail/framerail/conn"
	"github.com/framerail/framerail/frame"
	"github.com/framerail/framerail/server"
	"github.com/framerail/framerail/server/servertest"
)

// departures has the time at which each client got its Close frame, since Shutdown was called.
type departures struct {
	at    []time.Duration
	codes []frame.CloseCode
	sim   *servertest.Sim
	drain server.Drain
	err   error
	took  time.Duration // by Shutdown
}

const lookEach = 25 * time.Millisecond

// depart has so many clients connect, shuts the server down within a time, and watches them leave. 0: without a
// limit.
func depart(t *testing.T, srv *server.Server, clients int, within time.Duration, script func(sim *servertest.Sim, since time.Duration)) *departures {
	t.Helper()
	srv.Logger = slog.New(slog.DiscardHandler)
	srv.HandshakesPerSecond, srv.MaxConnectionsPerAddress, srv.MaxConnections = -1, -1, -1
	d := &departures{at: make([]time.Duration, clients), codes: make([]frame.CloseCode, clients)}
	d.sim = servertest.New(1, srv)
	all := make([]*servertest.Client, clients)
	for i := range all {
		all[i] = d.sim.Dial("/")
		if i%100 == 0 {
			d.sim.Advance(time.Second) // so that they have ages
		}
	}
	d.sim.Settle()
	if n := srv.ClientCount(); n != clients {
		t.Fatalf("%d clients, want %d", n, clients)
	}
	began, ended := d.sim.Now(), false
	ctx := t.Context()
	if within > 0 {
		ctx = d.sim.Context(within)
	}
	d.sim.Go(func() {
		d.drain, d.err = srv.Shutdown(ctx)
		d.took = d.sim.Now().Sub(began)
		ended = true
	})
	look := func() time.Duration {
		since := d.sim.Now().Sub(began)
		for i, c := range all {
			if d.codes[i] != 0 {
				continue
			}
			if f, ok := c.Closed(); ok {
				d.at[i], d.codes[i] = since, f.Code
			}
		}
		return since
	}
	for !ended && d.sim.Now().Sub(began) < time.Hour {
		if since := look(); script != nil {
			script(d.sim, since)
		}
		d.sim.Advance(lookEach)
	}
	look()
	if err := d.sim.Close(); err != nil {
		t.Error(err)
	}
	return d
}

// fullest is how many clients left within the fullest span of that length.
func (d *departures) fullest(span time.Duration) (most int) {
	at := slices.Sorted(slices.Values(d.at))
	for from, to := 0, 0; to < len(at); to++ {
		for at[to]-at[from] >= span {
			from++
		}
		most = max(most, to-from+1)
	}
	return most
}

func (d *departures) expectAll(t *testing.T, code frame.CloseCode) {
	t.Helper()
	for i, got := range d.codes {
		if got != code {
			t.Fatalf("client %d of %d got %d, want %d", i, len(d.codes), got, code)
		}
	}
	if d.err != nil || d.drain.Clean != len(d.codes) {
		t.Errorf("%+v, %v", d.drain, d.err)
	}
}

// No moment of the window has many more departures than another. So the servers that are left get the clients as
// evenly.
func TestLeaving_SpreadsTheCloseFramesEvenly(t *testing.T) {
	const window, span = 10 * time.Second, 100 * time.Millisecond
	for _, test := range []struct {
		loops, clients int
		server.Leaving
	}{
		{1, 2000, server.Leaving{}},
		{3, 600, server.Leaving{}},
		{1, 400, server.Leaving{OldestFirst: true}},
		{1, 400, server.Leaving{NewestFirst: true}},
	} {
		test.Window, test.Code = window, frame.ServiceRestart
		srv := &server.Server{Loops: test.loops, Leaving: test.Leaving}
		d := depart(t, srv, test.clients, 0, nil)
		d.expectAll(t, frame.ServiceRestart)
		mean := float64(test.clients) * float64(span) / float64(window)
		most := d.fullest(span)
		t.Logf("%+v: the fullest %v has %d departures, the mean is %.0f; the last is after %v", test, span, most, mean, slices.Max(d.at))
		if float64(most) > 1.5*mean {
			t.Errorf("%+v: %d leave within %v, the mean is %.0f", test, most, span, mean)
		}
		if last := slices.Max(d.at); last < window*9/10 || last > window+time.Second {
			t.Errorf("%+v: the last one leaves after %v", test, last)
		}
		if n := srv.Stats().Drained; n != uint64(test.clients) {
			t.Errorf("%+v: %d counted as drained", test, n)
		}
		inOrder := func(a, b time.Duration) int { return int(a - b) }
		if test.NewestFirst {
			inOrder = func(a, b time.Duration) int { return int(b - a) }
		}
		early := slices.Clone(d.at)
		for i := range early {
			early[i] = early[i].Truncate(200 * time.Millisecond) // in a turn the order is any
		}
		if ordered := test.OldestFirst || test.NewestFirst; slices.IsSortedFunc(early, inOrder) != ordered {
			t.Errorf("%+v: in their order, or not", test)
		}
	}
}

// Without a window all leave at once, as ever.
func TestLeaving_WithoutAWindowAllLeaveAtOnce(t *testing.T) {
	srv := &server.Server{}
	d := depart(t, srv, 200, 0, nil)
	d.expectAll(t, frame.GoingAway)
	if most := d.fullest(100 * time.Millisecond); most != 200 {
		t.Errorf("only %d leave in the fullest 100 ms", most)
	}
	if n := srv.Stats().Drained; n != 200 {
		t.Errorf("%d counted as drained", n)
	}
}

// A window longer than the context allows is shortened: the last client still has CloseTimeout for its answer.
func TestLeaving_FitsIntoTheContext(t *testing.T) {
	for _, test := range []struct {
		within, last time.Duration
	}{
		{30 * time.Second, 25 * time.Second},
		{6 * time.Second, 3 * time.Second},
	} {
		srv := &server.Server{Leaving: server.Leaving{Window: time.Hour}}
		d := depart(t, srv, 300, test.within, nil)
		d.expectAll(t, frame.GoingAway)
		if last := slices.Max(d.at); last > test.last+100*time.Millisecond || last < test.last*9/10 {
			t.Errorf("within %v the last one leaves after %v, want %v", test.within, last, test.last)
		}
	}
}

// The time between notice and the first departure is for health checks: clients are accepted as ever. A client that
// opens late leaves within the window, too.
func TestLeaving_NoticeComesFirst(t *testing.T) {
	srv := &server.Server{Leaving: server.Leaving{Notice: 5 * time.Second, Window: 10 * time.Second}}
	var late, refused *servertest.Client
	d := depart(t, srv, 100, 0, func(sim *servertest.Sim, since time.Duration) {
		switch since {
		case 0:
			if srv.Draining() {
				t.Error("draining before Shutdown")
			}
		case 4 * time.Second:
			if !srv.Draining() {
				t.Error("no notice")
			}
			late = sim.Dial("/")
		case 6 * time.Second:
			if !late.Connected() {
				t.Error("refused within the notice")
			}
			refused = sim.Dial("/")
		}
	})
	if d.err != nil || d.drain.Clean != 101 {
		t.Errorf("%+v, %v", d.drain, d.err)
	}
	if first, last := slices.Min(d.at), slices.Max(d.at); first < 5*time.Second || last > 15*time.Second+100*time.Millisecond {
		t.Errorf("the first leaves after %v, the last after %v", first, last)
	}
	if f, ok := late.Closed(); !ok || f.Code != frame.GoingAway {
		t.Errorf("the late one is closed with %v, %v", f, ok)
	}
	if refused.Connected() {
		t.Error("accepted after the notice")
	}
}

// A connection whose own lifetime ends within the window does not outlive it. One without a lifetime, or with one of
// centuries, leaves in its turn.
func TestLeaving_WhateverTheLifetime(t *testing.T) {
	for _, lifetime := range []time.Duration{-1, time.Hour, 100 * 365 * 24 * time.Hour, 1<<63 - 1} {
		srv := &server.Server{Leaving: server.Leaving{Window: 10 * time.Second}}
		srv.MaxLifetime, srv.IdleTimeout = lifetime, -1
		d := depart(t, srv, 200, 0, nil)
		d.expectAll(t, frame.GoingAway)
		if most, last := d.fullest(time.Second), slices.Max(d.at); most > 30 || last > 11*time.Second {
			t.Errorf("with a lifetime of %v %d leave within a second, the last after %v", lifetime, most, last)
		}
	}
	srv := &server.Server{Leaving: server.Leaving{Window: 30 * time.Minute}}
	srv.MaxLifetime = time.Minute
	if last := slices.Max(depart(t, srv, 100, 0, nil).at); last > time.Minute+time.Second {
		t.Errorf("the last leaves after %v, beyond its lifetime", last)
	}
}

// Limits that are set during a drain do not put the departure off.
func TestLeaving_SetLimitsPutsNothingOff(t *testing.T) {
	srv := &server.Server{Leaving: server.Leaving{Window: 10 * time.Second}}
	set := false
	d := depart(t, srv, 100, 0, func(_ *servertest.Sim, since time.Duration) {
		if since < time.Second || set {
			return
		}
		set = true
		for c := range srv.Clients() {
			c.Do(func(c *conn.Conn) { _ = c.SetLimits(conn.Limits{MaxLifetime: time.Hour}) })
		}
	})
	d.expectAll(t, frame.GoingAway)
	if last := slices.Max(d.at); last > 11*time.Second {
		t.Errorf("the last leaves after %v", last)
	}
}

// Close does not wait for a window.
func TestLeaving_CloseEndsTheWindow(t *testing.T) {
	srv := &server.Server{Leaving: server.Leaving{Notice: time.Second, Window: time.Hour}}
	closed := false
	d := depart(t, srv, 50, 0, func(sim *servertest.Sim, since time.Duration) {
		if since >= 2*time.Second && !closed {
			closed = true
			sim.Go(func() { _ = srv.Close() })
		}
	})
	if d.took > 3*time.Second || d.drain.Forced < 40 {
		t.Errorf("%+v after %v", d.drain, d.took)
	}
}
