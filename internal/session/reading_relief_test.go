package session

import "testing"

// The buffers that the loop leaves to a callback count as lent until that has returned.
func TestRelief_WhatACallbackKeepsCounts(t *testing.T) {
	var r *rig
	gate, lost := make(chan bool), make(chan bool)
	r = openRig(t, Config{Dispatch: Adaptive, Handlers: Handlers{Message: func(*Conn, Message) {
		r.loop.Relieve(r.loop.Hold())
		<-gate
	}}})
	r.loop.Succeed = func() { close(lost) }
	r.eventually("the inbox given back", func() bool { return !r.c.queued() })
	_, before := r.loop.Lent()
	go func() {
		r.loop.Take()
		r.receive(text("x"))
	}()
	<-lost
	r.loop.Take()
	r.d.Resume()
	if _, n := r.loop.Lent(); n != before+ReadSize {
		t.Errorf("%d bytes are lent, and %d were before", n, before)
	}
	close(gate)
	r.eventually("all given back", func() bool { _, n := r.loop.Lent(); return n == before && !r.c.queued() })
}
