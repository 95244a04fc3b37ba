package redis

import (
	"context"
	"errors"
	"math"
	"strings"

	"github.com/redis/rueidis"

	"github.com/framerail/framerail/topics"
)

// link is two connections to one server. Messages have one of their own, so that a flood of them does
// not hold up what is asked.
type link struct {
	session  *session
	commands rueidis.DedicatedClient
	messages rueidis.DedicatedClient
	life     string // of the server: differs each time that it starts

	// Owned by the goroutine that reads messages.
	copies copies
	data   []byte
}

// copies tells the copies of one message from the next message. A server sends a message to the topic's channel and
// then to those of prefixes, the longest first, with nothing in between. So a channel that does not come later
// in that order has another message.
type copies struct {
	topic     string
	length    int // of the prefix of the last copy
	delivered bool
}

// isCopy reports whether a message on the channel of a prefix is one that came before.
func (c *copies) isCopy(topic string, length int) bool {
	if topic != c.topic || length >= c.length {
		*c = copies{topic: topic}
	}
	c.length = length
	return c.delivered
}

// onMessage is called with what arrives on a channel.
func (l *link) onMessage(m rueidis.PubSubMessage) {
	kind, rest := l.session.parse(m.Channel)
	head, data, ok := strings.Cut(m.Message, " ")
	switch {
	case !ok:
	case kind == kindTopic:
		l.copies = copies{rest, math.MaxInt, true}
		l.deliver(rest, head, data)
	case kind == kindPrefix:
		topic, data, ok := strings.Cut(data, " ")
		if ok && !l.copies.isCopy(topic, len(rest)) && l.session.interest.matches(rest, topic) {
			l.copies.delivered = true
			l.deliver(topic, head, data)
		}
	}
}

// deliver hands a message to the node.
func (l *link) deliver(topic, head, data string) {
	p := topics.Packet{Topic: topic}
	if head != "-" {
		if err := p.At.UnmarshalText([]byte(head)); err != nil || p.At.Offset == 0 {
			return // not one of ours
		}
		p.Prev = p.At.Offset - 1
	}
	l.data = append(l.data[:0], data...)
	p.Data = l.data
	l.session.node.Receive(p)
	if cap(l.data) > keepBuffer {
		l.data = nil
	}
}

// keepBuffer is how large a buffer for messages stays.
const keepBuffer = 64 << 10

var errMoved = errors.New("framerail: redis: the server has given up a subscription: a slot has moved, or rights were taken")

// onSubscription is called when the server confirms that a subscription has begun or ended.
func (l *link) onSubscription(sub rueidis.PubSubSubscription) {
	l.copies = copies{}
	if sub.Kind == "sunsubscribe" && !l.session.interest.hasLeft(sub.Channel) {
		l.session.fail(errMoved)
	}
}

// do runs commands on a client, and fails with the first error of theirs.
func (s *session) do(ctx context.Context, doing string, client rueidis.DedicatedClient, cmds []rueidis.Completed) error {
	for _, r := range client.DoMulti(ctx, cmds...) {
		if err := r.Error(); err != nil {
			return s.failed(doing, err)
		}
	}
	return nil
}
