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

// unconfirmed is how many messages are sent before all of them must be confirmed.
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
	if err := s.allow(limited, ms); err != nil {
		return 0, err
	}
	for taken < len(ms) {
		n, err := r.publish(ctx, s, ms[taken:min(len(ms), taken+unconfirmed)])
		taken += n
		if err == nil {
			continue
		}
		if !isPassing(err) {
			return taken, err
		}
		if pause(limited) != nil {
			if ctx.Err() == nil {
				s.link.fail(err)
			}
			return taken, err
		}
	}
	return taken, nil
}

// isPassing reports whether the stream may take the same request in a moment: it has no leader, say, while servers
// elect one.
func isPassing(err error) bool {
	var refused *jetstream.APIError
	return errors.Is(err, jetstream.ErrNoStreamResponse) || errors.Is(err, nats.ErrNoResponders) || errors.Is(err, jetstream.ErrJetStreamNotEnabled) ||
		errors.As(err, &refused) && refused.Code == 503
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
	return s.grow(ctx, most.Messages, most.Age)
}

// kept reports whether a topic keeps anything.
func kept(k *topics.History) bool { return k.Last || k.Messages > 0 }

// publish publishes a part of a batch.
func (r *Recorder) publish(ctx context.Context, s *store, ms []topics.Packet) (taken int, err error) {
	answers := s.acks.begin()
	defer s.acks.end()
	var refused error
	sent, plain := 0, false
	for i := range ms {
		p := &ms[i]
		if refused = fitting(p.Topic); refused != nil {
			break
		}
		if kept(&p.Keep) {
			m := &nats.Msg{Subject: s.subject + p.Topic, Data: p.Data, Reply: answers.expect(i), Header: nats.Header{jetstream.MsgIDHeader: {identity(p)}}}
			refused = s.link.nc.PublishMsg(m)
		} else {
			plain = true
			refused = s.link.nc.Publish(r.subject(p.Topic), p.Data)
		}
		if refused != nil {
			answers.cancel(i)
			break
		}
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
