package platform

import (
	"errors"
	"net"
	"runtime"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

func TestAwait_TellsWhichCameFirst(t *testing.T) {
	closed, open := make(chan struct{}), make(chan struct{})
	close(closed)
	far := time.Now().Add(time.Hour)
	for name, c := range map[string]struct {
		done, stop <-chan struct{}
		until      time.Time
		want       bool
	}{
		"done":                {closed, open, far, true},
		"done, nothing else":  {closed, nil, time.Time{}, true},
		"stop":                {open, closed, far, false},
		"stop, no time":       {nil, closed, time.Time{}, false},
		"late":                {open, open, time.Now(), false},
		"late, nothing else":  {nil, nil, time.Now().Add(time.Millisecond), false},
		"late, long ago":      {open, nil, time.Unix(1, 0), false},
		"done, and no longer": {closed, nil, far, true},
	} {
		if got := (Real{}).Await(c.done, c.stop, c.until); got != c.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}

// Whoever shuts down is told what is still there, and not that its time was over when nothing was.
func TestAwait_WhatIsDoneCountsAlsoIfTheTimeIsOver(t *testing.T) {
	closed := make(chan struct{})
	close(closed)
	for range 100 { // of several that are ready, select takes any
		if !(Real{}).Await(closed, closed, time.Unix(1, 0)) {
			t.Fatal("false, though done is closed")
		}
	}
}

// On one processor nobody else runs until it is given up; sometimes the scheduler gives it
// back at once.
func TestYield_LetsOthersRun(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	const rounds = 100
	let := 0
	for range rounds {
		var ran atomic.Bool
		done := make(chan struct{})
		go func() { ran.Store(true); close(done) }()
		Real{}.Yield()
		if ran.Load() {
			let++
		}
		<-done
	}
	if let < rounds/2 {
		t.Errorf("another goroutine ran after %d of %d yields", let, rounds)
	}
}

// A listener of package net is of the real system, one that brings its own is of that.
func TestOf(t *testing.T) {
	if p := Of(&net.TCPListener{}); p != (Real{}) {
		t.Errorf("a TCP listener is of %T", p)
	}
	other := &struct{ Real }{}
	if p := Of(brings{platform: other}); p != Platform(other) {
		t.Errorf("a listener with a platform is of %T", p)
	}
}

// A listener may return one broken connection after the other. To accept the next at once would take a whole processor.
func TestVerdictOf_ABrokenConnectionPauses(t *testing.T) {
	if err := (&spoiledError{net.ErrClosed}); VerdictOf(err) != Pause {
		t.Errorf("the verdict on %v is %d", err, VerdictOf(err))
	}
}

type brings struct {
	net.Listener
	platform Platform
}

func (b brings) Platform() Platform { return b.platform }

// A wrapper may have the method SyscallConn, whatever it is around.
func TestTake_RelaysWhatShowsNoDescriptor(t *testing.T) {
	near, far := net.Pipe()
	defer far.Close()
	got, err := Real{}.Sockets().Take(shy{near})
	if err != nil || got.Below == nil || got.FD >= 0 {
		t.Fatalf("got %+v, %v", got, err)
	}
	ended := make(chan struct{})
	got.Carried(func() {}, func() { close(ended) })
	if err := got.Close(); err != nil {
		t.Error(err)
	}
	<-ended
}

type shy struct{ net.Conn }

func (shy) SyscallConn() (syscall.RawConn, error) { return nil, errors.ErrUnsupported }
