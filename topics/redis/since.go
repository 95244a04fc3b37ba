package redis

import (
	"context"
	"errors"
	"strconv"
	"strings"

	"github.com/redis/rueidis"

	"github.com/framerail/framerail/topics"
)

// Bounds of what is read from a stream at once.
const (
	firstPage = 16
	mostPage  = 1000
	pageBytes = 1 << 20
)

// Since implements topics.Recorder.
func (b *Broker) Since(ctx context.Context, topic string, keep topics.History, since topics.Position, most int) (missed []topics.Packet, at topics.Position, err error) {
	s, err := b.connected()
	if err != nil {
		return nil, at, err
	}
	p := partition(topic)
	r := &reader{s: s, l: s.links[p], topic: topic, stream: s.name(p, kindStream, topic), keep: keep, most: most}
	if at, err = r.position(ctx, s.name(p, kindKnown, topic)); err != nil {
		return nil, at, err
	}
	switch {
	case since == (topics.Position{}):
		missed, err = r.last(ctx, at)
	case since.Epoch != at.Epoch || since.Offset > at.Offset:
		err = topics.ErrGap
	case since.Offset < at.Offset:
		missed, err = r.behind(ctx, since, at)
	}
	if err != nil {
		missed = nil
	}
	return missed, at, err
}

// reader reads a topic's stream.
type reader struct {
	s      *session
	l      *link
	topic  string
	stream string
	keep   topics.History
	most   int   // bytes
	now    int64 // of the server, in ms
}

// position asks for the present position.
func (r *reader) position(ctx context.Context, known string) (at topics.Position, err error) {
	keyStays, streamStays := r.s.broker.retention(&r.keep)
	values, err := r.l.commands.Do(ctx, r.l.commands.B().Evalsha().Sha1(r.s.position).Numkeys(2).Key(known, r.stream).
		Arg(milliseconds(keyStays), milliseconds(streamStays), newEpoch(), r.l.life).Build()).AsStrSlice()
	if err != nil {
		return at, r.fail(ctx, err)
	}
	if len(values) == 4 {
		seconds, _ := strconv.ParseInt(values[2], 10, 64)
		micros, _ := strconv.ParseInt(values[3], 10, 64)
		r.now = seconds*1000 + micros/1000
		if err = at.UnmarshalText([]byte(values[0] + "." + values[1])); err == nil {
			return at, nil
		}
	}
	return at, r.fail(ctx, errAnswer)
}

// fail wraps an error, which ends the session unless the caller's ctx has ended, or the server refuses to answer.
func (r *reader) fail(ctx context.Context, err error) error {
	const doing = "reading what was missed"
	if ctx.Err() != nil {
		return wrap(doing, err)
	}
	return r.s.failed(doing, err)
}

// last reads the last message.
func (r *reader) last(ctx context.Context, at topics.Position) ([]topics.Packet, error) {
	if !r.keep.Last || at.Offset == 0 {
		return nil, nil
	}
	entries, err := r.entries(ctx, r.l.commands.B().Xrange().Key(r.stream).Start(offset(at.Offset)).End(offset(at.Offset)).Count(1).Build())
	if err != nil || len(entries) == 0 {
		return nil, err
	}
	m, _ := r.packet(entries[0])
	if m.At != at {
		return nil, nil // evicted, and another one by now
	}
	if len(m.Data) > r.most {
		return nil, topics.ErrTooMuch
	}
	return []topics.Packet{m}, nil
}

// behind reads all messages behind since, up to at. Offsets are dense, so that one that is
// missing is noticed.
func (r *reader) behind(ctx context.Context, since, at topics.Position) (missed []topics.Packet, err error) {
	next, bytes, count := since.Offset+1, 0, firstPage
	for next <= at.Offset {
		entries, err := r.entries(ctx, r.l.commands.B().Xrange().Key(r.stream).Start(offset(next)).End(offset(at.Offset)).
			Count(int64(count)).Build())
		if err != nil {
			return nil, err
		}
		if len(entries) == 0 {
			return nil, topics.ErrGap
		}
		for _, e := range entries {
			m, published := r.packet(e)
			old := r.keep.Age > 0 && r.now-published > r.keep.Age.Milliseconds()
			if old || m.At != (topics.Position{Epoch: at.Epoch, Offset: next}) {
				return nil, topics.ErrGap
			}
			if bytes += len(m.Data); bytes > r.most {
				return nil, topics.ErrTooMuch
			}
			missed = append(missed, m)
			next++
		}
		count = min(mostPage, max(1, pageBytes/(1+bytes/len(missed))))
	}
	return missed, nil
}

// entries reads a part of the stream.
func (r *reader) entries(ctx context.Context, cmd rueidis.Completed) ([]rueidis.XRangeSlice, error) {
	entries, err := r.l.commands.Do(ctx, cmd).AsXRangeSlices()
	if err != nil {
		return nil, r.fail(ctx, err)
	}
	return entries, nil
}

// packet is the message of an entry, and when it was published, in ms. Its ID is offset-time, and its
// field is the epoch. The zero Position is not one of ours.
func (r *reader) packet(e rueidis.XRangeSlice) (m topics.Packet, published int64) {
	id, millis, _ := strings.Cut(e.ID, "-")
	published, err := strconv.ParseInt(millis, 10, 64)
	if len(e.FieldValues) != 1 || err != nil {
		return m, 0
	}
	f := e.FieldValues[0]
	var at topics.Position
	if at.UnmarshalText([]byte(f.Field+"."+id)) != nil {
		return m, 0
	}
	return topics.Packet{Topic: r.topic, Data: []byte(f.Value), At: at, Prev: at.Offset - 1}, published
}

// offset is an offset as a bound of XRANGE.
func offset(n uint64) string { return strconv.FormatUint(n, 10) }

var errAnswer = errors.New("an answer that the script does not give")
