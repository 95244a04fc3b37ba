package session

import (
	"io"

	"github.com/framerail/framerail/frame"
	"github.com/framerail/framerail/internal/buffer"
	"github.com/framerail/framerail/internal/transport"
)

// receiver is what a connection needs while bytes are arriving: lent by the loop,
// and kept only from one read to the next if a frame or a message is unfinished.
type receiver struct {
	dec  frame.Decoder
	asm  frame.Assembler
	role frame.Role // of the connection
	// msg holds asm.Buf, nil while no message is in pieces.
	msg  *buffer.Buffer
	pool *buffer.Pool

	// limits are those of the message in progress, or of the last.
	limits *limits

	// counted is how many frames of the message in progress the counters have.
	counted int

	// streaming says that the message in progress goes to a Stream callback.
	streaming bool

	// stash holds what was read but must wait, because the connection is held;
	// rest is the part of it not yet taken in.
	stash *buffer.Buffer
	rest  []byte

	inflation *inflation // nil unless a compressed message is arriving
}

// directRead is how many bytes of a payload must be missing, at least, for them
// to be read straight into the message's own buffer.
const directRead = 4 << 10

// lendReceiver is a receiver for a connection of that role, which has those limits.
func (l *Loop) lendReceiver(role frame.Role, of *limits) *receiver {
	l.check()
	rx := l.spare
	l.spare = nil
	if rx == nil {
		rx, _ = l.receivers.Get().(*receiver)
	}
	if rx == nil {
		rx = &receiver{pool: &l.pool}
		rx.asm.Grow = rx.grow
	}
	if rx.limits == nil || rx.role != role {
		rx.role, rx.limits = role, of
		rx.reset()
	}
	return rx
}

// reset forgets what has come.
func (rx *receiver) reset() { rx.dec.Reset(rx.role, rx.limits.frame()) }

// returnReceiver takes back a receiver that is at rest.
func (l *Loop) returnReceiver(rx *receiver) {
	l.check()
	if l.spare == nil {
		l.spare = rx
		return
	}
	l.receivers.Put(rx)
}

// grow moves a message in progress to a buffer twice as large, or larger. It
// grows with what has come, whatever the header claims.
func (rx *receiver) grow(buf []byte, n int) []byte {
	next := rx.pool.Get(max(len(buf)+n, 2*len(buf)))
	next.B = append(next.B, buf...)
	if rx.msg != nil {
		rx.msg.Release()
	}
	rx.msg = next
	return next.B
}

// dropMessage gives the buffer of the assembled message back.
func (rx *receiver) dropMessage() {
	if rx.msg != nil {
		rx.asm.Take()
		rx.msg.Release()
		rx.msg = nil
	}
}

// keep stores bytes that must wait: new ones, or what is left of those it has.
func (rx *receiver) keep(b []byte) {
	if rx.stash != nil {
		rx.rest = b // a part of the stash already
		return
	}
	rx.stash = rx.pool.Get(len(b))
	rx.stash.B = append(rx.stash.B, b...)
	rx.rest = rx.stash.B
}

func (rx *receiver) dropStash() {
	if rx.stash != nil {
		rx.stash.Release()
		rx.stash, rx.rest = nil, nil
	}
}

// atRest tells whether nothing would be lost with the receiver.
func (rx *receiver) atRest() bool {
	return rx.stash == nil && rx.msg == nil && rx.inflation == nil && rx.dec.AtRest()
}

// dropReceiver gives back what the connection holds for its input.
func (d *Driver) dropReceiver() {
	d.check()
	rx := d.rx
	if rx == nil {
		return
	}
	d.rx = nil
	rx.dropMessage()
	rx.dropStash()
	rx.dropInflation(d.loop)
	rx.streaming, rx.counted = false, 0
	rx.reset()
	d.loop.returnReceiver(rx)
}

// read takes from the transport what is at hand, within the budget of a turn.
func (d *Driver) read() {
	d.check()
	d.interest &^= interestUnread
	d.resume()
	for budget := readBudget; budget > 0 && d.flowing() && !d.starved(); {
		b := d.readInto()
		n, err := d.transport.Read(b)
		if n > 0 {
			d.loop.turn.received.Bytes += uint64(n)
			d.hear()
			d.receive(b[:n])
		}
		if err != nil {
			d.readFailed(err)
			break
		}
		if n < len(b) {
			return
		}
		budget -= n
	}
	d.noteUnread()
}

// flowing tells whether the transport may be read from. What is stashed comes
// first: the hold on it may end at any moment, and nothing must overtake it.
func (d *Driver) flowing() bool {
	return d.input != inputDone && !d.holding() && (d.rx == nil || d.rx.stash == nil)
}

// readInto is where the next bytes go: the loop's buffer or, in the middle of a
// large payload, the message's own, up to the payload's end and no further.
func (d *Driver) readInto() []byte {
	rx := d.rx
	if rx == nil || rx.streaming || rx.msg == nil || rx.inflation != nil || d.input != inputFrames {
		return d.loop.readBuf
	}
	missing := rx.dec.Remaining()
	if missing < directRead {
		return d.loop.readBuf
	}
	b := rx.asm.Spare(1)
	return b[:min(int64(len(b)), missing)]
}

// readFailed handles the end of the stream, or its breaking.
func (d *Driver) readFailed(err error) {
	if d.input == inputDone && err != transport.ErrHeld {
		return // TLS tells of it along with the last bytes: behind the Close frame it is no fault
	}
	switch err {
	case transport.ErrWouldBlock:
	case transport.ErrHeld:
		d.mu.Lock()
		d.noteHeld()
		d.mu.Unlock()
	case ErrTruncated:
		d.streamEnded(ErrTruncated)
	case io.EOF:
		d.streamEnded(ErrUnexpectedEOF)
	default:
		d.mu.Lock()
		d.broke("read", err)
		d.mu.Unlock()
	}
}

// streamEnded handles the end of the stream. What came with it and has to wait, because
// the connection is held, goes first: the transport will tell of the end again.
func (d *Driver) streamEnded(err error) {
	if d.rx == nil || d.rx.stash == nil {
		d.peerLeft(err)
		d.inputEnded(event{kind: eventEnd, err: err})
	}
}

// inputEnded notes that no more frames will come. What is queued for callbacks
// goes first, so that its answers can still be sent.
func (d *Driver) inputEnded(ev event) {
	d.check()
	d.input = inputDone
	d.startEndTimer()
	d.deliver(ev)
}

// holding tells whether the peer must not be read from now. Once this side is
// closing nothing is delivered any more, and its Close must be found.
func (d *Driver) holding() bool {
	return d.held() && d.State() == Open
}

// receive takes in bytes, which it changes.
func (d *Driver) receive(b []byte) {
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
func (d *Driver) parse(rx *receiver, b []byte) (all bool) {
	returned := false
	defer func() {
		if !returned {
			// What follows in b is lost: nothing after it can be made sense of.
			d.discard(d.contain(recover()))
		}
	}()
	all = d.parseAll(rx, b)
	returned = true
	return all
}

func (d *Driver) parseAll(rx *receiver, b []byte) (all bool) {
	for d.input == inputFrames && (len(b) > 0 || rx.inflating()) {
		if d.holding() || d.loop.tired() || rx.inflating() && d.starved() { // a KiB of it may say a MiB
			rx.keepPacked()
			rx.keep(b)
			return false
		}
		if rx.inflating() {
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
			d.data(rx, ev)
			if d.loop.worked() {
				d.chargeWork()
			}
		case frame.Ping:
			d.loop.turn.received.Frames.Ping++
			if d.chargeControl() {
				d.ping(ev.Payload)
			}
		case frame.Pong:
			d.loop.turn.received.Frames.Pong++
			if d.chargeControl() {
				d.pong(ev.Payload)
			}
		case frame.Close:
			d.loop.turn.received.Frames.Close++
			d.closeFrame(ev.Payload)
		}
	}
	return true
}

// data handles a message, or a piece of one.
func (d *Driver) data(rx *receiver, ev frame.Event) {
	if ev.First && ev.Last { // in one piece, so in one frame
		d.loop.turn.received.Messages++
		d.loop.turn.received.Frames.Data++
	} else {
		d.countPiece(rx, ev.Last)
	}
	c := &d.Conn
	if c.State() != Open {
		return // after its own Close this side takes no more messages
	}
	if rx.dec.RSV1() {
		d.packed(rx, ev)
		return
	}
	d.piece(rx, ev)
}

// piece hands on a message, or a piece of one, which is not compressed any more.
func (d *Driver) piece(rx *receiver, ev frame.Event) {
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
		c.postPiece(ev)
		rx.streaming = !ev.Last
		return
	}
	msg, whole := rx.asm.Add(ev)
	if !whole {
		return
	}
	// OnStream may have been called in the middle of a message: then it comes whole.
	if !c.inline() || h.Message == nil && h.Stream != nil {
		c.post(event{kind: eventMessage, op: msg.Opcode, buf: rx.detach(msg.Payload)})
		return
	}
	if h.Message != nil {
		h.Message(c, Message{Type: msg.Opcode, Payload: msg.Payload})
	}
	buffer.Poison(msg.Payload)
	rx.dropMessage()
}

// detach is the payload in a buffer that outlives the read: the message's own, or
// a copy.
func (rx *receiver) detach(payload []byte) *buffer.Buffer {
	if b := rx.msg; b != nil {
		b.B = rx.asm.Take()
		rx.msg = nil
		return b
	}
	return copyOf(rx.pool, payload)
}

func copyOf(pool *buffer.Pool, p []byte) *buffer.Buffer {
	b := pool.Get(len(p))
	b.B = append(b.B, p...)
	return b
}

// RFC 6455 5.5.2: a ping is answered with a pong of the same payload, unless a
// Close frame was received. The program may take that over.
func (d *Driver) ping(payload []byte) {
	c := &d.Conn
	if c.terms.Load().Ping == nil {
		c.answerPing(payload)
		return
	}
	c.deliverControl(eventPing, payload)
}

// RFC 6455 5.5.3: a pong may come unasked; none is answered.
func (d *Driver) pong(payload []byte) {
	c := &d.Conn
	if c.terms.Load().Pong != nil {
		c.deliverControl(eventPong, payload)
	}
}
