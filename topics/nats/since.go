package nats

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/framerail/framerail/topics"
	"github.com/nats-io/nats.go/jetstream"
)

// tries is how often Since reads again, while what it has read is not what the stream has by then.
const tries = 10

var errBehind = errors.New("framerail: the replicas of the stream are behind")

// Since implements [topics.Recorder].
func (r *Recorder) Since(ctx context.Context, topic string, keep topics.History, since topics.Position, most int) ([]topics.Packet, topics.Position, error) {
	s, err := r.opened()
	if err != nil {
		return nil, topics.Position{}, err
	}
	limited, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	q := &lookup{store: s, topic: topic, subject: s.subject + topic, keep: keep, since: since, most: most}
	for {
		missed, at, err := q.answer(limited)
		if !isPassing(err) || pause(limited) != nil {
			return missed, at, err
		}
	}
}

// answer is what Since returns.
func (q *lookup) answer(ctx context.Context) ([]topics.Packet, topics.Position, error) {
	if q.since == (topics.Position{}) {
		return q.newest(ctx)
	}
	return q.behind(ctx)
}

// lookup is one call of Since.
type lookup struct {
	*store
	topic, subject string
	keep           topics.History
	since          topics.Position
	most           int
}

// now is what the leader of the stream says of it, and of the topic.
type now struct {
	at         topics.Position // behind all that is stored, of any topic
	first      uint64          // sequence that is stored, of any topic
	messages   uint64          // of the topic
	limit      int64           // of messages of a topic
	wholeSince uint64          // the sequence since when it is
	replicated bool
}

// look asks the leader.
func (q *lookup) look(ctx context.Context) (n now, err error) {
	info, err := q.stream.Info(ctx, jetstream.WithSubjectFilter(q.subject))
	if err != nil {
		return n, err
	}
	n = now{
		at:       topics.Position{Epoch: epochOf(info), Offset: info.State.LastSeq},
		first:    info.State.FirstSeq,
		messages: info.State.Subjects[q.subject],
		limit:    info.Config.MaxMsgsPerSubject, replicated: info.Config.Replicas > 1,
	}
	if n.at.Epoch != q.link.epoch {
		q.link.fail(errRemade)
		return n, errRemade
	}
	n.wholeSince, err = strconv.ParseUint(info.Config.Metadata[wholeSince], 10, 64)
	return n, err
}

// newest returns the position, and the last message if the topic keeps it.
func (q *lookup) newest(ctx context.Context) ([]topics.Packet, topics.Position, error) {
	n, err := q.look(ctx)
	if err != nil || !q.keep.Last || n.messages == 0 {
		return nil, n.at, err
	}
	m, err := q.last(ctx)
	if errors.Is(err, errNone) || err == nil && q.isOld(m) {
		return nil, n.at, nil
	}
	if err != nil {
		return nil, n.at, err
	}
	n.at.Offset = max(n.at.Offset, m.At.Offset)
	if len(m.Data) > q.most {
		return nil, n.at, topics.ErrTooMuch
	}
	return []topics.Packet{m.Packet}, n.at, nil
}

// behind returns what is behind a position.
//
// The oldest messages of a topic are the first ones to go, because the stream allows no others to be deleted. So if one at the
// position or before it is there after all has been read, nothing behind it was missing.
func (q *lookup) behind(ctx context.Context) ([]topics.Packet, topics.Position, error) {
	for range tries {
		var got []stored
		var more bool
		var err error
		if q.since.Epoch == q.link.epoch {
			if got, more, err = q.read(ctx); err != nil {
				return nil, topics.Position{}, err
			}
		}
		n, err := q.look(ctx)
		switch {
		case err != nil:
			return nil, topics.Position{}, err
		case q.since.Epoch != n.at.Epoch || q.since.Offset > n.at.Offset:
			return nil, n.at, topics.ErrGap
		}
		at, whole, err := q.isWhole(ctx, n, got)
		switch {
		case errors.Is(err, errNone): // read again
			if err := pause(ctx); err != nil {
				return nil, n.at, err
			}
		case err != nil:
			return nil, topics.Position{}, err
		case !whole || !more && !q.isAllowed(got):
			return nil, n.at, topics.ErrGap
		case more:
			return nil, n.at, topics.ErrTooMuch
		default:
			return packets(got), topics.Position{Epoch: n.at.Epoch, Offset: at}, nil
		}
	}
	return nil, topics.Position{}, errBehind
}

// pause lets replicas catch up, or elect a leader.
func pause(ctx context.Context) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(20 * time.Millisecond):
		return nil
	}
}

// isWhole reports whether got is all that came behind the position, up to at. It fails with errNone if the stream has
// changed meanwhile.
func (q *lookup) isWhole(ctx context.Context, n now, got []stored) (at uint64, whole bool, err error) {
	from := q.since.Offset
	// Nothing behind the position went because of age or size, and nothing because of the limit of the topic.
	untouched := from+1 >= n.first && from >= n.wholeSince && int64(n.messages) < n.limit
	if len(got) == 0 {
		if n.messages == 0 {
			return n.at.Offset, from+1 >= n.first, nil
		}
		last, err := q.last(ctx)
		if err == nil && last.At.Offset > from {
			err = errNone // it has come meanwhile, or the replica did not have it
		}
		return n.at.Offset, true, err
	}
	at = got[len(got)-1].At.Offset
	if n.replicated { // the replica may have forgotten what the leader has
		next, err := q.next(ctx, from+1)
		if err != nil || next.At != got[0].At {
			return 0, false, errors.Join(err, errNone)
		}
	}
	if !untouched {
		oldest, err := q.next(ctx, 1)
		if err != nil || oldest.At.Offset > from {
			return 0, false, err
		}
	}
	at, err = q.upTo(ctx, n, at)
	return at, err == nil, err
}

// upTo returns the position up to which the topic has nothing behind a message, as the leader says. That is where the stream is, unless
// more has come meanwhile or the replica did not have all. The message's own position would do for what comes next. But a node whose
// topic is there already, by an answer about other topics' messages, would take the answer for one that does not reach so far.
func (q *lookup) upTo(ctx context.Context, n now, message uint64) (uint64, error) {
	next, err := q.next(ctx, message+1)
	switch {
	case errors.Is(err, errNone):
		return max(message, n.at.Offset), nil
	case err != nil:
		return 0, err
	}
	return max(message, min(n.at.Offset, next.At.Offset-1)), nil
}

// isAllowed reports whether the topic's History keeps that much.
func (q *lookup) isAllowed(got []stored) bool {
	bytes := 0
	for i := range got {
		bytes += len(got[i].Data)
	}
	return len(got) == 0 || len(got) <= q.keep.Messages && (q.keep.Bytes <= 0 || bytes <= q.keep.Bytes) && !q.isOld(got[0])
}

func (q *lookup) isOld(m stored) bool { return q.keep.Age > 0 && time.Since(m.time) > q.keep.Age }

func packets(got []stored) []topics.Packet {
	ps := make([]topics.Packet, len(got))
	for i := range got {
		ps[i] = got[i].Packet
	}
	return ps
}

// unexpected is an answer of the server that is not understood.
func unexpected(what string) error {
	return fmt.Errorf("framerail: unexpected answer of JetStream: %s", what)
}
