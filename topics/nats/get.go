package nats

import (
	"context"
	"encoding/json"
	"errors"
	"strconv"
	"time"

	"github.com/framerail/framerail/topics"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// stored is a message of the stream.
type stored struct {
	topics.Packet
	time time.Time
}

// errNone: the stream has no such message.
var errNone = errors.New("framerail: no such message in the stream")

// last asks the leader for the newest message of the topic.
func (q *lookup) last(ctx context.Context) (stored, error) {
	return q.get(ctx, map[string]any{"last_by_subj": q.subject})
}

// next asks the leader for the oldest message of the topic from a sequence on.
func (q *lookup) next(ctx context.Context, sequence uint64) (stored, error) {
	return q.get(ctx, map[string]any{"seq": sequence, "next_by_subj": q.subject})
}

// get asks the leader for a message.
func (q *lookup) get(ctx context.Context, request map[string]any) (m stored, err error) {
	body, err := json.Marshal(request)
	if err != nil {
		return m, err
	}
	answer, err := q.link.nc.RequestWithContext(ctx, "$JS.API.STREAM.MSG.GET."+q.name, body)
	if err != nil {
		return m, err
	}
	var got struct {
		Error   *jetstream.APIError
		Message struct {
			Subject string
			Seq     uint64
			Data    []byte
			Time    time.Time
		}
	}
	if err := json.Unmarshal(answer.Data, &got); err != nil {
		return m, err
	}
	switch {
	case got.Error != nil && got.Error.ErrorCode == jetstream.JSErrCodeMessageNotFound:
		return m, errNone
	case got.Error != nil:
		return m, got.Error
	case got.Message.Seq == 0 || got.Message.Subject != q.subject:
		return m, unexpected(got.Message.Subject)
	}
	m.Packet = topics.Packet{Topic: q.topic, Data: got.Message.Data, At: topics.Position{Epoch: q.link.epoch, Offset: got.Message.Seq}}
	m.time = got.Message.Time
	return m, nil
}

// Bounds of one request for many messages.
const (
	mostMessages = 1024
	mostBytes    = 1 << 20
)

// read reads the messages of the topic behind the position, from any replica. more: there are more than the caller takes.
//
// The first one is asked for alone, because often there is none. For a request for many a server counts how many there are, and goes through a block of
// the stream for that.
func (q *lookup) read(ctx context.Context) (got []stored, more bool, err error) {
	first, err := q.first(ctx)
	if errors.Is(err, errNone) {
		return nil, false, nil
	}
	if err != nil || len(first.Data) > q.most {
		return []stored{first}, err == nil, err
	}
	return q.rest(ctx, first)
}

// first reads the first message behind the position, from any replica. It fails with errNone if there is none.
func (q *lookup) first(ctx context.Context) (m stored, err error) {
	request, err := json.Marshal(map[string]any{"seq": q.since.Offset + 1, "next_by_subj": q.subject})
	if err != nil {
		return m, err
	}
	answer, err := q.link.nc.RequestWithContext(ctx, "$JS.API.DIRECT.GET."+q.name, request)
	if err != nil {
		return m, err
	}
	switch status := answer.Header.Get("Status"); status {
	case "":
		return q.message(answer)
	case "404":
		return m, errNone
	default:
		return m, unexpected(status + " " + answer.Header.Get("Description"))
	}
}

// rest reads the messages behind the first one.
func (q *lookup) rest(ctx context.Context, first stored) (got []stored, more bool, err error) {
	inbox := q.link.nc.NewInbox()
	answers := make(chan *nats.Msg, mostMessages+1) // and the end
	sub, err := q.link.nc.ChanSubscribe(inbox, answers)
	if err != nil {
		return nil, false, err
	}
	defer func() { _ = sub.Unsubscribe() }()
	got = []stored{first}
	from, left := first.At.Offset+1, q.most-len(first.Data)
	for {
		request, err := json.Marshal(map[string]any{
			"seq": from, "next_by_subj": q.subject, "batch": mostMessages, "max_bytes": min(mostBytes, max(1, left)),
		})
		if err != nil {
			return nil, false, err
		}
		if err := q.link.nc.PublishRequest("$JS.API.DIRECT.GET."+q.name, inbox, request); err != nil {
			return nil, false, err
		}
		before := len(got)
		pending, err := q.part(ctx, answers, &got)
		if err != nil {
			return nil, false, err
		}
		for i := range got[before:] {
			left -= len(got[before+i].Data)
		}
		switch {
		case left < 0:
			return got, true, nil
		case !pending || len(got) == before:
			return got, false, nil
		}
		from = got[len(got)-1].At.Offset + 1
	}
}

// part reads the answers to one request. pending: there are more messages.
func (q *lookup) part(ctx context.Context, answers <-chan *nats.Msg, got *[]stored) (pending bool, err error) {
	for {
		var m *nats.Msg
		select {
		case m = <-answers:
		case <-ctx.Done():
			return false, ctx.Err()
		case <-q.link.ended:
			return false, nats.ErrConnectionClosed
		}
		switch status := m.Header.Get("Status"); status {
		case "":
		case "204": // the end
			n, err := strconv.ParseUint(m.Header.Get("Nats-Num-Pending"), 10, 64)
			return n > 0, err
		case "404":
			return false, nil
		case "503":
			return false, nats.ErrNoResponders
		default:
			return false, unexpected(status + " " + m.Header.Get("Description"))
		}
		p, err := q.message(m)
		if err != nil {
			return false, err
		}
		*got = append(*got, p)
	}
}

// message is one that the stream has returned.
func (q *lookup) message(m *nats.Msg) (p stored, err error) {
	p = stored{Packet: topics.Packet{Topic: q.topic, Data: m.Data}}
	p.At, _ = placeOf(m, q.link.epoch)
	if p.time, err = time.Parse(time.RFC3339Nano, m.Header.Get(jetstream.TimeStampHeaer)); err != nil || p.At.Offset == 0 {
		return p, unexpected("a message without its place")
	}
	return p, nil
}
