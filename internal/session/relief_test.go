package session

import (
	"bytes"
	"errors"
	"testing"
	"time"
)

// loses has a loop lose a callback after so many that it has kept, and returns how long callbacks run on workers then.
func loses(l *Loop, kept uint64) time.Duration {
	l.number += kept + 1
	l.backOff(l.Now)
	return l.until - l.Now
}

// While callbacks go on blocking, fewer and fewer of them run on the loop.
func TestBackOff_DoublesUpToItsMost(t *testing.T) {
	l := NewLoop(nil)
	l.Take()
	expect(t, "the first pause", loses(l, 0), pauseFirst)
	for pause := 2 * pauseFirst; pause < pauseMost; pause *= 2 {
		l.Now = l.until
		expect(t, "a further pause", loses(l, 99), pause)
	}
	for range 3 {
		l.Now = l.until
		expect(t, "the longest pause", loses(l, pauseMemory-1), pauseMost)
	}
}

// What counts is how many callbacks have returned since, and not how much time has passed: a
// program that blocks in bursts is not probed at each of them.
func TestBackOff_IsForgottenByCallbacksAndNotByTime(t *testing.T) {
	l := NewLoop(nil)
	l.Take()
	loses(l, 0)
	l.Now += time.Hour
	expect(t, "the pause of the second burst", loses(l, 10), 2*pauseFirst)
	l.Now = l.until
	expect(t, "the pause after an exception", loses(l, pauseMemory), pauseFirst)
}

// Callbacks run on the loop again in the first turn after a pause.
func TestBeginTurn_LendsWhenThePauseIsOver(t *testing.T) {
	l := NewLoop(nil)
	l.Take()
	expect(t, "at first", l.BeginTurn(false), true)
	loses(l, 0)
	expect(t, "right after a loss", l.Lends(), false)
	l.Now = l.until - 1
	expect(t, "in the pause", l.BeginTurn(false), false)
	l.Now = l.until
	expect(t, "before the next turn", l.Lends(), false)
	expect(t, "in the next turn", l.BeginTurn(false) && l.Lends(), true)
}

// Callbacks that have lost the loop keep some of its memory. There are not many of them, and they do not keep much.
func TestBeginTurn_BoundsWhatLostCallbacksKeep(t *testing.T) {
	l := NewLoop(nil)
	l.Take()
	l.out.Store(lostMost - 1)
	l.kept.Store(keptMost - 1)
	expect(t, "below the bounds", l.BeginTurn(false), true)
	expect(t, "while memory is short", l.BeginTurn(true), false)
	l.out.Store(lostMost)
	expect(t, "with as many as may be", l.BeginTurn(false), false)
	l.out.Store(1)
	l.kept.Store(keptMost)
	expect(t, "with as much as may be", l.BeginTurn(false), false)
	l.kept.Store(0)
	expect(t, "when it is given back", l.BeginTurn(false), true)
}

// A loop that has grown its read buffer for long messages counts all of it for the callback that keeps it.
func TestRescue_CountsAllOfALongReadBuffer(t *testing.T) {
	var r *rig
	gate, lost := make(chan bool), make(chan bool)
	r = openRig(t, Config{Dispatch: Adaptive, Handlers: Handlers{Message: func(*Conn, Message) {
		r.loop.Relieve(r.loop.Hold())
		<-gate
	}}})
	r.loop.Succeed = func() { close(lost) }
	r.eventually("the inbox given back", func() bool { return !r.c.queued() })
	r.loop.readBuf = make([]byte, ReadSize, longReads*ReadSize)
	go func() {
		r.loop.Take()
		r.receive(text("x"))
	}()
	<-lost
	r.loop.Take()
	r.d.Resume()
	expect(t, "bytes kept", r.loop.kept.Load(), longReads*ReadSize)
	close(gate)
	r.eventually("all given back", func() bool { return r.loop.kept.Load() == 0 && !r.c.queued() })
}

// What a callback sends while it holds the loop is compressed by the loop. What is sent while no callback holds
// the loop is compressed by a worker, and does not count.
func TestCompressed_OnWorkersIsNotTheLoops(t *testing.T) {
	r := openRig(t, Config{Dispatch: Adaptive})
	r.eventually("the inbox given back", func() bool { return !r.c.queued() })
	r.c.compressed(1000)
	expect(t, "beside the loop", r.loop.work.all.Load(), 0)
	n := r.loop.begin()
	r.c.compressed(1000)
	expect(t, "in a callback on the loop", r.loop.work.all.Load(), 1000)
	expect(t, "the loop kept", r.loop.keep(n), true)
	r.loop.endTurn()
}

// Calls that wait take the loop from their callback when they begin to wait, and not while there is room.
func TestRelief_CallsThatWaitLoseTheLoopOnlyOnceTheyWait(t *testing.T) {
	const bound = 64 << 10
	for name, send := range map[string]func(c *Conn, size int) error{
		"SendWait": func(c *Conn, size int) error { return c.SendWait(background, Binary, make([]byte, size)) },
		"CopyFrom": func(c *Conn, size int) error {
			w, err := c.NewWriter(Binary)
			if err == nil {
				_, err = w.CopyFrom(background, bytes.NewReader(make([]byte, size)))
			}
			return errors.Join(err, w.Close())
		},
	} {
		t.Run(name, func(t *testing.T) {
			var r *rig
			errs, lost := make(chan error, 2), make(chan bool, 2)
			succeeds := make(chan bool, 1)
			r = openRig(t, Config{Dispatch: Adaptive, MaxPending: bound, Handlers: Handlers{Message: func(c *Conn, _ Message) {
				errs <- send(c, 100)
				lost <- r.loop.Lost()
				errs <- errors.Join(send(c, bound/2), send(c, 100)) // over a quarter of the bound
				lost <- r.loop.Lost()
			}}})
			r.loop.Succeed = func() { succeeds <- true }
			r.eventually("the inbox given back", func() bool { return !r.c.queued() })
			r.wire.room = 0
			go r.loop.Run(func() { r.receive(text("x")) })
			expect(t, "with room", <-errs, nil)
			expect(t, "the loop lost with room", <-lost, false)
			<-succeeds
			r.loop.Run(func() {
				r.d.Resume()
				r.drain(-1)
				r.eventually("the end of the wait", func() bool { return len(errs) > 0 })
				expect(t, "after the wait", <-errs, nil)
				expect(t, "the loop lost by waiting", <-lost, true)
				r.eventually("the callback's end", func() bool { return r.loop.out.Load() == 0 && !r.c.queued() })
			})
		})
	}
}
