package session

import (
	"github.com/framerail/framerail/frame"
	"github.com/framerail/framerail/internal/buffer"
)

// receive takes in bytes, which it changes.
func (d *reading) receive(b []byte) {
	d.check()
	if d.input != inputFrames || len(b) == 0 && (d.rx == nil || !d.rx.inflating()) {
		return
	}
	if d.rx == nil {
		d.rx = d.loop.lendReceiver(d.role(), d.limits())
		d.rx.dec.AllowRSV1(d.agreement().deflate())
	}
	all := d.parse(d.rx, b)
	rx := d.rx
	if rx == nil {
		return // the connection failed
	}
	if all {
		rx.dropStash()
	}
	if rx.atRest() {
		d.rx = nil
		d.loop.returnReceiver(rx)
	}
}

// parse hands on what b holds. It returns false if the rest of b was kept for
// later because the connection is held.
func (d *reading) parse(rx *receiver, b []byte) (all bool) {
	returned := false
	defer func() {
		if !returned {
			if d.loop.Lost() {
				return // the callback has lost the loop, and was contained
			}
			// What follows in b is lost: nothing after it can be made sense of.
			d.discard(d.contain(recover()))
		}
	}()
	all = d.parseAll(rx, b)
	returned = true
	return all
}

func (d *reading) parseAll(rx *receiver, b []byte) (all bool) {
	for d.input == inputFrames && (len(b) > 0 || rx.inflating()) {
		if d.holding() || d.loop.tired() || rx.inflating() && d.starved() { // a KiB of it may say a MiB
			rx.keepPacked()
			rx.keep(b)
			return false
		}
		if rx.inflating() {
			d.loop.behind = b
			d.inflate(rx)
			d.chargeWork()
			continue
		}
		if now := d.limits(); now != rx.limits && rx.dec.SetLimits(now.frame()) {
			rx.limits = now
		}
		ev, n, err := rx.dec.Next(b)
		if err != nil {
			d.failInOrder(err)
			return true
		}
		b = b[n:]
		switch ev.Opcode {
		case frame.Text, frame.Binary:
			d.loop.behind = b
			d.data(rx, ev)
			if d.loop.worked() {
				d.chargeWork()
			}
		case frame.Ping:
			d.policy().turn.received.Frames.Ping++
			if d.chargeControl() {
				d.ping(ev.Payload)
			}
		case frame.Pong:
			d.policy().turn.received.Frames.Pong++
			if d.chargeControl() {
				d.pong(ev.Payload)
			}
		case frame.Close:
			d.policy().turn.received.Frames.Close++
			d.closeFrame(ev.Payload)
		}
	}
	return true
}

// data handles a message, or a piece of one.
func (d *reading) data(rx *receiver, ev frame.Event) {
	if ev.First && ev.Last { // in one piece, so in one frame
		t := &d.policy().turn.received
		t.Messages++
		t.Frames.Data++
	} else {
		d.countPiece(rx, ev.Last)
	}
	c := &d.Conn
	if c.State() != Open {
		rx.dropMessage() // after its own Close this side takes no more, and none to its end
		return
	}
	if rx.dec.RSV1() {
		d.packed(rx, ev)
		return
	}
	d.piece(rx, ev)
}

// piece hands on a message, or a piece of one, which is not compressed any more.
func (d *reading) piece(rx *receiver, ev frame.Event) {
	c := &d.Conn
	h := c.terms.Load()
	if ev.First {
		if d.messageDebt += h.limits.costs.message; d.messageDebt > messageBucket {
			d.fail(ErrMessageRate)
			return
		}
		rx.streaming = h.Stream != nil
	}
	if rx.streaming {
		d.postPiece(ev)
		rx.streaming = !ev.Last
		return
	}
	if !ev.Last && d.place(rx, ev) {
		return
	}
	msg, whole := rx.asm.Add(ev)
	if !whole {
		return
	}
	if a := h.answer; a != nil && msg.Opcode == frame.Text && string(msg.Payload) == a.Request {
		d.autoAnswer(a.Answer)
		buffer.Poison(msg.Payload)
		rx.dropMessage()
		return
	}
	if h.Message == nil && h.Stream == nil && c.keeps() {
		d.postIncoming(event{kind: eventMessage, op: msg.Opcode, buf: rx.detach(msg.Payload)})
		return
	}
	// OnStream may have been called in the middle of a message: then it comes whole.
	if !c.inline() || h.Message == nil && h.Stream != nil {
		if h.Message != nil && d.lends() {
			d.lend(h.Message, Message{Type: msg.Opcode, Payload: msg.Payload})
			buffer.Poison(msg.Payload)
			rx.dropMessage()
			return
		}
		d.post(event{kind: eventMessage, op: msg.Opcode, buf: rx.detach(msg.Payload)})
		return
	}
	if h.Message != nil {
		h.Message(c, Message{Type: msg.Opcode, Payload: msg.Payload})
	}
	buffer.Poison(msg.Payload)
	rx.dropMessage()
}

// countPiece counts a piece of a message that came: the frames that began with it or
// before it and, at its end, the message.
func (d *reading) countPiece(rx *receiver, last bool) {
	t := &d.policy().turn.received
	n := rx.dec.Fragments()
	t.Frames.Data += uint64(n - rx.counted)
	rx.counted = n
	if last {
		t.Messages++
		rx.counted = 0
	}
}

// chargeControl counts a ping or pong, and fails the connection if it is one too many.
func (d *reading) chargeControl() bool {
	debt := d.controlDebt + d.limits().costs.control
	if debt > controlBucket && d.State() == Open {
		d.fail(ErrControlRate)
		return false
	}
	d.controlDebt = min(debt, controlBucket)
	return true
}

// RFC 6455 5.5.2: a ping is answered with a pong of the same payload, unless a
// Close frame was received. The program may take that over.
func (d *reading) ping(payload []byte) {
	c := &d.Conn
	if c.terms.Load().Ping == nil {
		c.answerPing(payload)
		return
	}
	d.deliverControl(eventPing, payload)
}

// RFC 6455 5.5.3: a pong may come unasked; none is answered.
func (d *reading) pong(payload []byte) {
	c := &d.Conn
	c.notePong(payload)
	if c.terms.Load().Pong != nil {
		d.deliverControl(eventPong, payload)
	}
}

// autoAnswer sends an answer of AutoAnswer. Overflow says what happens without room.
func (d *reading) autoAnswer(text string) {
	d.loop.work.answers.Store(true)
	defer d.loop.work.answers.Store(false)
	_ = d.Conn.SendText(text)
}
