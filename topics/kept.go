package topics

import (
	"bytes"
	"iter"
	"slices"

	"github.com/framerail/framerail/conn"
)

// Kept returns the messages that a topic keeps and that lie before a position, each with its position,
// oldest first: the last ones, at most so many. The zero Position is the end. Send them to a newcomer in the answer of
// SubscribeSince, with its position: nothing newer is sent before. Show them to a reader who scrolls back. The messages are copies.
//
// With a [Broker] it is what this node has. Of a [Recorder]'s topic that is all that it keeps, as soon as SubscribeSince has
// answered. If offsets have holes, and older messages are gone already, it may be only some of the last.
//
// A topic that is not known, or keeps nothing, has no messages. The errors are those of names, [ErrWildcard],
// and [ErrGap] if the position is of another epoch or not reached yet.
func (h *Topics) Kept(topic string, before Position, most int) (iter.Seq2[Position, conn.Message], error) {
	var kept []kept
	var epoch uint64
	err := h.checkPlain(topic)
	if err == nil {
		kept, epoch, err = h.lookup(topic, false).kept(before, most)
	}
	return func(yield func(Position, conn.Message) bool) {
		for _, k := range slices.Backward(kept) {
			if !yield(Position{epoch, k.offset}, k.message) {
				return
			}
		}
	}, err
}

// kept is a copy of a message that a topic keeps.
type kept struct {
	offset  uint64
	message conn.Message
}

// kept is Topics.Kept, newest first. t may be nil.
func (t *topic) kept(before Position, most int) (all []kept, epoch uint64, err error) {
	if t == nil {
		if before != (Position{}) {
			err = ErrGap
		}
		return nil, 0, err
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	end := t.position()
	if before == (Position{}) {
		before = end
	}
	if before.Epoch != end.Epoch || before.Offset > end.Offset {
		return nil, 0, ErrGap
	}
	for pub := range t.backwards() {
		if len(all) >= most {
			break
		}
		if pub.offset <= before.Offset {
			all = append(all, kept{pub.offset, pub.copy()})
		}
	}
	return all, end.Epoch, nil
}

// backwards are the messages that the topic keeps, newest first. mu is held.
func (t *topic) backwards() func(yield func(*publication) bool) {
	return func(yield func(*publication) bool) {
		r := &t.history
		r.expire(&t.keep, t.hub.now())
		for i := r.n - 1; i >= 0; i-- {
			if !yield(r.at(i)) {
				return
			}
		}
		if t.keep.Messages <= 0 && r.last != nil {
			yield(r.last)
		}
	}
}

// copy is the message as it was published.
func (p *publication) copy() conn.Message {
	o := p.message.Outgoing()
	return conn.Message{
		Type: conn.MessageType(o.Type), Key: o.Key, Uncompressed: o.Uncompressed, Valid: o.Valid, Payload: bytes.Clone(o.Payload),
	}
}
