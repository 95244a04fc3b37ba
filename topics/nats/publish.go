package nats

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"

	"github.com/framerail/framerail/topics"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// unconfirmed is how many messages are sent before all of them must be confirmed. Topics has fewer in a batch.
const unconfirmed = 1024

// Publish implements [topics.Broker]. Messages with Keep are stored when it returns, and the server has
// confirmed the others.
func (r *Recorder) Publish(ctx context.Context, ms []topics.Packet) (taken int, err error) {
	s, err := r.opened()
	if err != nil {
		return 0, err
	}
	limited, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	s.link.refusals.clear() // acks hears of those that are new
	taken, err = inOrder(ms, !s.link.probe.alone, func(part []topics.Packet) (int, error) {
		if err := s.allow(limited, ms); err != nil {
			return 0, err
		}
		return r.publish(ctx, s, part)
	}, func() error { return pause(limited) })
	if isPassing(err) && ctx.Err() == nil && !errors.Is(err, errSilent) {
		s.link.fail(err) // it has lasted too long
	}
	return taken, err
}

// inOrder publishes messages in parts, until one is refused. What a passing error refuses is published again after a pause.
//
// A stream that has no leader refuses a message at once. If it gets one in that moment, it takes what was sent behind the message, and the
// order is lost. So where a stream may change its leader, each call begins with one message alone. So does it go on after a
// refusal.
func inOrder(ms []topics.Packet, alone bool, publish func(part []topics.Packet) (int, error), pause func() error) (taken int, err error) {
	for taken < len(ms) {
		part := ms[taken:min(len(ms), taken+unconfirmed)]
		if alone {
			part = untilStored(part)
		}
		n, err := publish(part)
		taken += n
		if alone = err != nil; alone && (!isPassing(err) || pause() != nil) {
			return taken, err
		}
	}
	return taken, nil
}

// untilStored is the messages up to the first one that is to be stored, with it.
func untilStored(ms []topics.Packet) []topics.Packet {
	for i := range ms {
		if kept(&ms[i].Keep) {
			return ms[:i+1]
		}
	}
	return ms
}

// errSilent: what manages streams does not answer.
var errSilent = errors.New("framerail: JetStream does not answer")

// isPassing reports whether the stream may take the same request in a moment: it has no leader, say, while servers
// elect one, or too much waits for it.
func isPassing(err error) bool {
	var refused *jetstream.APIError
	return errors.Is(err, jetstream.ErrNoStreamResponse) || errors.Is(err, nats.ErrNoResponders) || errors.Is(err, jetstream.ErrJetStreamNotEnabled) ||
		errors.Is(err, errSilent) || errors.As(err, &refused) && (refused.Code == 503 || refused.Code == 429)
}

// allow raises the limits of the stream if topics ask for more.
func (s *store) allow(ctx context.Context, ms []topics.Packet) error {
	have := s.limits.Load()
	most := topics.History{}
	for i := range ms {
		if keep := &ms[i].Keep; kept(keep) && !have.allow(*keep) {
			most.Messages, most.Age = max(most.Messages, keep.Messages), max(most.Age, keep.Age)
		}
	}
	if most == (topics.History{}) {
		return nil
	}
	try, cancel := context.WithTimeout(ctx, patience/5)
	defer cancel()
	err := s.grow(try, most.Messages, most.Age)
	if err != nil && try.Err() != nil && ctx.Err() == nil {
		err = fmt.Errorf("%w: %w", errSilent, err)
	}
	return err
}

// kept reports whether a topic keeps anything.
func kept(k *topics.History) bool { return k.Last || k.Messages > 0 }

// publish publishes a part of a batch.
func (r *Recorder) publish(ctx context.Context, s *store, ms []topics.Packet) (taken int, err error) {
	answers := s.acks.begin(func(i int) string { return r.subjectOf(s, &ms[i]) })
	defer s.acks.end()
	var refused error
	sent, plain := 0, false
	for i := range ms {
		if refused = fitting(ms[i].Topic); refused == nil {
			refused = r.send(s, &ms[i], answers)
		}
		if refused != nil {
			answers.answer(i, refused)
			break
		}
		plain = plain || !kept(&ms[i].Keep)
		sent++
	}
	if plain {
		if err := s.link.flush(ctx); err != nil {
			return 0, err
		}
	}
	taken, err = s.confirmed(ctx, answers, sent)
	return taken, errors.Join(err, refused)
}

// send sends a message, to the stream if it is to be stored.
func (r *Recorder) send(s *store, p *topics.Packet, answers *answers) error {
	if !kept(&p.Keep) {
		answers.expect(false)
		return s.link.nc.Publish(r.subject(p.Topic), p.Data)
	}
	return s.link.nc.PublishMsg(&nats.Msg{
		Subject: r.subjectOf(s, p), Reply: answers.expect(true), Data: p.Data, Header: nats.Header{jetstream.MsgIDHeader: {identity(p)}},
	})
}

// subjectOf is the subject to which a message is published.
func (r *Recorder) subjectOf(s *store, p *topics.Packet) string {
	if kept(&p.Keep) {
		return s.subject + p.Topic
	}
	return r.subject(p.Topic)
}

// confirmed waits for the answers of the stream.
func (s *store) confirmed(ctx context.Context, answers *answers, sent int) (taken int, err error) {
	limited, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	select {
	case <-answers.complete():
	case <-limited.Done():
		err = limited.Err()
		if ctx.Err() == nil {
			s.link.fail(fmt.Errorf("framerail: stream %q does not confirm: %w", s.name, err))
		}
	case <-s.link.ended:
		err = nats.ErrConnectionClosed
	}
	n, failed := answers.taken(sent)
	if failed == nil {
		failed = err
	}
	return n, failed
}

// identity tells a message from all others, for as long as it may be published again. Its Data has the
// number that its node gave it.
func identity(p *topics.Packet) string {
	h := sha256.New()
	h.Write([]byte(p.Topic))
	h.Write([]byte{0})
	h.Write(p.Data)
	sum := h.Sum(nil)
	return base64.RawURLEncoding.EncodeToString(sum[:18])
}
