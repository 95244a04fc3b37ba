package nats

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"maps"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/framerail/framerail/topics"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// firstMessages is how many messages of each topic a new stream keeps. It grows with what
// the topics ask for. That should be rare: a server that is killed while it writes down a change loses the stream.
const firstMessages = 1000

// again is how long a stream knows which messages it has stored.
const again = 2 * time.Minute

// wholeSince is the name of a value in the stream's metadata: a sequence. All messages behind it met the
// present limit of messages for each topic, and no lower one.
const wholeSince = "framerail-whole-since"

func (r *Recorder) streamName() string {
	if r.Stream != "" {
		return r.Stream
	}
	return strings.ReplaceAll(r.prefix(), ".", "-")
}

// config is the stream as it is made.
func (r *Recorder) config() jetstream.StreamConfig {
	c := jetstream.StreamConfig{
		Name:              r.streamName(),
		Description:       "topics of framerail",
		Subjects:          []string{r.kept() + ">"},
		RePublish:         &jetstream.RePublish{Source: r.kept() + ">", Destination: r.prefix() + ".>"},
		Storage:           jetstream.FileStorage, // in memory a sequence would begin again when the server does
		Discard:           jetstream.DiscardOld,
		MaxMsgsPerSubject: firstMessages + 1,
		MaxAge:            r.MaxAge,
		MaxBytes:          r.MaxBytes,
		Replicas:          max(1, r.Replicas),
		AllowDirect:       true,
		DenyDelete:        true, // so that the oldest messages of a topic are the ones that go
		DenyPurge:         true,
		Metadata:          map[string]string{wholeSince: "0"},
	}
	if c.MaxAge <= 0 {
		c.MaxAge = DefaultMaxAge
	}
	if c.MaxBytes <= 0 {
		c.MaxBytes = DefaultMaxBytes
	}
	c.Duplicates = min(again, c.MaxAge)
	return c
}

// limits are those of the stream that topics can ask to be higher. 0 and less are none: an operator may have lifted them.
type limits struct {
	messages int64 // of each topic
	age      time.Duration
}

func limitsOf(c *jetstream.StreamConfig) *limits { return &limits{c.MaxMsgsPerSubject, c.MaxAge} }

// allow reports whether a topic gets what it asks for. One message more is kept: the one at the position of a client that
// missed all others.
func (l *limits) allow(keep topics.History) bool {
	return (l.messages <= 0 || int64(keep.Messages) < l.messages) && (l.age <= 0 || keep.Age <= l.age)
}

// ensureSoon is ensure, asked again after a while: servers that have just begun, and have no leader yet, say nothing.
func (s *store) ensureSoon(ctx context.Context, want jetstream.StreamConfig) (info *jetstream.StreamInfo, err error) {
	for {
		try, cancel := context.WithTimeout(ctx, patience/5)
		info, err = s.ensure(try, want)
		cancel()
		if ctx.Err() != nil || !errors.Is(err, context.DeadlineExceeded) {
			return info, err
		}
	}
}

// ensure makes the stream, or raises its limits to those that are wanted.
func (s *store) ensure(ctx context.Context, want jetstream.StreamConfig) (*jetstream.StreamInfo, error) {
	stream, err := s.js.Stream(ctx, want.Name)
	if errors.Is(err, jetstream.ErrStreamNotFound) {
		stream, err = s.js.CreateStream(ctx, want)
		if errors.Is(err, jetstream.ErrStreamNameAlreadyInUse) { // another node was faster, with other limits
			stream, err = s.js.Stream(ctx, want.Name)
		}
	}
	if err != nil {
		return nil, err
	}
	info := stream.CachedInfo()
	if err := fits(&info.Config, &want); err != nil {
		return nil, err
	}
	s.stream = stream
	return s.raise(ctx, info, want)
}

// fits checks what cannot be changed, and what Since relies on.
func fits(have, want *jetstream.StreamConfig) error {
	wrong := ""
	switch {
	case len(have.Subjects) != 1 || have.Subjects[0] != want.Subjects[0]:
		wrong = "subjects"
	case have.RePublish == nil || have.RePublish.Source != want.RePublish.Source || have.RePublish.Destination != want.RePublish.Destination || have.RePublish.HeadersOnly:
		wrong = "republish"
	case have.Storage != want.Storage:
		wrong = "storage"
	case have.Retention != want.Retention:
		wrong = "retention"
	case have.Discard != want.Discard || have.DiscardNewPerSubject:
		wrong = "discard"
	case !have.AllowDirect:
		wrong = "allow_direct"
	case !have.DenyDelete || !have.DenyPurge || have.AllowRollup || have.AllowMsgTTL:
		wrong = "deny_delete, deny_purge, allow_rollup_hdrs or allow_msg_ttl"
	case have.Metadata[wholeSince] == "":
		wrong = "metadata"
	default:
		return nil
	}
	return fmt.Errorf("it is there already, and its %s is not what a Recorder needs", wrong)
}

// unknown is wholeSince while it is being found out.
var unknown = strconv.FormatUint(math.MaxUint64, 10)

// raise raises the limits of the stream to those that are wanted, where they are lower.
func (s *store) raise(ctx context.Context, info *jetstream.StreamInfo, want jetstream.StreamConfig) (*jetstream.StreamInfo, error) {
	c := info.Config
	was := c
	c.MaxMsgsPerSubject = atLeast(c.MaxMsgsPerSubject, want.MaxMsgsPerSubject)
	c.MaxAge = atLeast(c.MaxAge, want.MaxAge)
	c.MaxBytes = atLeast(c.MaxBytes, want.MaxBytes)
	c.Replicas = max(c.Replicas, want.Replicas)
	c.Metadata = maps.Clone(c.Metadata)
	if c.MaxMsgsPerSubject != was.MaxMsgsPerSubject {
		c.Metadata[wholeSince] = unknown
	}
	if c.MaxMsgsPerSubject != was.MaxMsgsPerSubject || c.MaxAge != was.MaxAge || c.MaxBytes != was.MaxBytes || c.Replicas != was.Replicas {
		stream, err := s.js.UpdateStream(ctx, c)
		if err != nil {
			return nil, err
		}
		info = stream.CachedInfo()
	}
	if c.Metadata[wholeSince] == unknown { // set here, or by a node that has ended since
		stream, err := s.js.Stream(ctx, c.Name)
		if err != nil {
			return nil, err
		}
		info = stream.CachedInfo()
		c.Metadata[wholeSince] = strconv.FormatUint(wholeNow(&info.State), 10)
		if _, err = s.js.UpdateStream(ctx, c); err != nil {
			return nil, err
		}
	}
	s.limits.Store(limitsOf(&c))
	return info, nil
}

// wholeNow is a sequence behind which the limit of messages of a topic has removed nothing yet.
func wholeNow(s *jetstream.StreamState) uint64 {
	if s.Msgs > 0 && s.Msgs == s.LastSeq-s.FirstSeq+1 {
		return s.FirstSeq - 1 // only the oldest have gone
	}
	return s.LastSeq
}

// atLeast is the higher one of two limits, of which 0 and less are none.
func atLeast[N int64 | time.Duration](have, want N) N {
	if have <= 0 || want <= 0 {
		return have
	}
	return max(have, want)
}

// grow raises the limits of the stream to what topics ask for.
func (s *store) grow(ctx context.Context, messages int, age time.Duration) error {
	info, err := s.stream.Info(ctx)
	if err != nil {
		return err
	}
	want := info.Config
	want.MaxMsgsPerSubject = max(want.MaxMsgsPerSubject, int64(messages)+1)
	want.MaxAge = max(want.MaxAge, age)
	_, err = s.raise(ctx, info, want)
	return err
}

// epochOf is the epoch of positions in a stream. It has 53 bits, as all epochs have, and is not 0.
func epochOf(info *jetstream.StreamInfo) uint64 {
	h := fnv.New64a()
	fmt.Fprintf(h, "%s %d", info.Config.Name, info.Created.UnixNano())
	return 1 + h.Sum64()%(1<<53-1)
}

// placeOf is the position of a message that the stream has republished or returned, and the offset of the one
// before it. They are zero for any other message.
func placeOf(m *nats.Msg, epoch uint64) (at topics.Position, prev uint64) {
	if len(m.Header) == 0 {
		return at, 0
	}
	sequence, err := strconv.ParseUint(m.Header.Get(jetstream.SequenceHeader), 10, 64)
	if err != nil {
		return at, 0
	}
	prev, _ = strconv.ParseUint(m.Header.Get(jetstream.LastSequenceHeader), 10, 64)
	return topics.Position{Epoch: epoch, Offset: sequence}, prev
}
