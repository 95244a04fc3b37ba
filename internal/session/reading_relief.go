package session

import (
	"runtime"
	"sync"

	"github.com/framerail/framerail/internal/buffer"
)

// lends tells whether a Message callback runs on the loop although it may block, because another
// goroutine can take the loop over.
func (d *reading) lends() bool {
	l := d.loop
	return d.flags.Load()&(flagQueued|flagAdaptive) == flagAdaptive &&
		l.lendable && l.Lends()
}

// lend runs a Message callback on the loop. If the callback loses the loop, lend does not return:
// all that called it goes on elsewhere.
func (d *reading) lend(h func(*Conn, Message), m Message) {
	c, l := &d.Conn, d.loop
	n := l.begin()
	returned, kept := false, false
	defer func() {
		if !returned {
			d.mayLose(stepReturned, n)
		}
		if kept || l.keep(n) {
			return // a panic is the parser's to contain
		}
		r := recover()
		if !returned {
			c.contain(r)
		}
		c.afterLoss(l.take(n), m.Payload)
		if r != nil {
			runtime.Goexit()
		}
	}()
	d.mayLose(stepBegun, n)
	h(c, m)
	returned = true
	d.mayLose(stepReturned, n)
	if kept = l.keep(n); !kept {
		runtime.Goexit()
	}
}

// rescue takes the connection over from a callback that has lost the loop. The callback keeps the
// memory that its payload may lie in, and the connection's other callbacks wait for it in the inbox.
func (d *reading) rescue() {
	d.check()
	c, l, rx := &d.Conn, d.loop, d.rx
	call := l.succession
	l.at(stepRescuing)
	l.succession, l.lendable = nil, false
	l.backOff(l.Now)

	charged := cap(l.readBuf) + len(l.inflateBuf)
	l.pool.Charge(charged)
	l.kept.Add(int64(charged))
	l.readBuf = make([]byte, len(l.readBuf))
	if l.inflateBuf != nil {
		l.inflateBuf = make([]byte, len(l.inflateBuf))
	}
	var holds []*buffer.Buffer
	if rx.inPlace() {
		rx.asm.Take() // the message lies in what was the loop's
		rx.msg, rx.here = nil, buffer.Buffer{}
	} else if rx.msg != nil {
		holds = append(holds, rx.detach(nil))
	}
	if rx.stash != nil {
		holds = append(holds, rx.stash)
		rx.stash, rx.rest = nil, nil
	}
	rx.keepPacked()
	if rest := l.behind; len(rest) > 0 || rx.inflating() {
		rx.keep(rest)
	} else if rx.atRest() {
		d.rx = nil
		l.returnReceiver(rx)
	}
	l.behind = nil
	if l.worked() {
		d.chargeWork()
	}
	d.interest |= interestUnread // how the read has ended is not known, so another one follows

	defer l.at(stepRescued)
	c.mu.Lock()
	defer c.mu.Unlock()
	d.noteHeld()
	in, _ := c.inbox()
	call.work, call.holds, call.charged, call.resumed = in.work, holds, charged, true
	call.done.Signal()
}

// afterLoss does what is left when a callback has returned that has lost the loop: it gives back what the
// callback kept, and lets the callbacks that waited for it run. From its goroutine.
func (c *Conn) afterLoss(call *lostCall, payload []byte) {
	c.mu.Lock()
	call.done.L = &c.mu
	for !call.resumed {
		c.loop.at(stepWaits)
		c.loop.wait(&call.done)
	}
	c.mu.Unlock()
	buffer.Poison(payload)
	for _, b := range call.holds {
		b.Release()
	}
	c.loop.pool.Charge(-call.charged)
	c.loop.kept.Add(-int64(call.charged))
	c.loop.out.Add(-1)
	c.loop.at(stepReleased)
	c.loop.spawn(call.work)
	c.loop.at(stepSpawned)
}

// mayLose has a test look at a step of the callback. A simulation decides whether the callback loses the loop there.
func (d *reading) mayLose(s step, n uint64) {
	if l := d.loop; l.Chance != nil || l.look != nil {
		d.decide(s, n)
	}
}

// decide is the rest of mayLose, which has neither in a program.
func (d *reading) decide(s step, n uint64) {
	l := d.loop
	l.at(s)
	if l.Chance != nil && l.Hold() == n && l.Chance() && l.Relieve(n) {
		d.letSucceed()
	}
}

// letSucceed lets the successor come first, or not: in a simulation, where nothing else decides that.
func (d *reading) letSucceed() {
	c := &d.Conn
	if c.loop.Scheduler == nil || c.loop.Chance() {
		return
	}
	var others sync.Cond
	others.L = &c.mu
	c.mu.Lock()
	c.loop.wait(&others)
	c.mu.Unlock()
}
