package redis

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/redis/rueidis"

	"github.com/framerail/framerail/topics"
)

// Bounds of what is on its way to Redis at once.
const (
	batchMessages = 512
	batchBytes    = 1 << 20
)

// Publish implements topics.Broker. An error ends Run, unless the server has no memory left. Messages after the first taken ones may have
// arrived all the same.
func (b *Broker) Publish(ctx context.Context, ms []topics.Packet) (taken int, err error) {
	s, err := b.connected()
	if err != nil {
		return 0, err
	}
	for taken < len(ms) {
		n, bytes := 0, 0
		for n < min(batchMessages, len(ms)-taken) && (n == 0 || bytes < batchBytes) {
			bytes += len(ms[taken+n].Data)
			n++
		}
		done, err := s.batch(ctx, ms[taken:taken+n])
		taken += done
		if err != nil {
			return taken, err
		}
	}
	return taken, nil
}

// batch publishes messages: those of one server in their order, those of several at once.
func (s *session) batch(ctx context.Context, ms []topics.Packet) (taken int, err error) {
	errs := make([]error, len(ms))
	var wg sync.WaitGroup
	for _, l := range s.all {
		var cmds []rueidis.Completed
		var its []int
		for i := range ms {
			if p := partition(ms[i].Topic); s.links[p] == l {
				cmds, its = append(cmds, s.command(l, p, &ms[i])), append(its, i)
			}
		}
		send := func() {
			for i, r := range l.commands.DoMulti(ctx, cmds...) {
				errs[its[i]] = r.Error()
			}
		}
		switch {
		case len(cmds) == 0:
		case len(s.all) == 1:
			send()
		default:
			wg.Go(send)
		}
	}
	wg.Wait()
	for _, err := range errs {
		if err != nil {
			err = wrap("publishing", err)
			if !isFull(err) {
				s.fail(err)
			}
			return taken, err
		}
		taken++
	}
	return taken, nil
}

// isFull reports whether the server refuses what takes memory. The connection still carries the rest.
func isFull(err error) bool {
	var refused *rueidis.RedisError
	return errors.As(err, &refused) && strings.HasPrefix(refused.Error(), "OOM ")
}

// command is what publishes a message.
func (s *session) command(l *link, p int, m *topics.Packet) rueidis.Completed {
	records := m.Keep.Last || m.Keep.Messages > 0
	channel, b := s.name(p, kindTopic, m.Topic), l.commands.B()
	if !records && s.broker.NoPatterns {
		return b.Spublish().Channel(channel).Message("- " + string(m.Data)).Build()
	}
	args := make([]string, 0, 16)
	args = append(args, string(m.Data), m.Topic, channel)
	if records {
		args = s.appendKeep(args, l, &m.Keep)
	} else {
		args = append(args, "0")
	}
	if !s.broker.NoPatterns {
		at := len(args)
		args = prefixes(m.Topic, args)
		for i, prefix := range args[at:] {
			args[at+i] = s.name(p%s.prefixPartitions(), kindPrefix, prefix)
		}
	}
	return b.Evalsha().Sha1(s.publish).Numkeys(2).
		Key(s.name(p, kindKnown, m.Topic), s.name(p, kindStream, m.Topic)).Arg(args...).Build()
}

// appendKeep appends what the script needs to keep a message.
func (s *session) appendKeep(args []string, l *link, keep *topics.History) []string {
	most, last := max(0, keep.Messages), "0"
	if keep.Last {
		most, last = max(1, most), "1"
	}
	known, messages := s.broker.retention(keep)
	return append(args, strconv.Itoa(most), strconv.Itoa(max(0, keep.Bytes)), milliseconds(max(0, keep.Age)), last,
		milliseconds(known), milliseconds(messages), newEpoch(), l.life)
}

// milliseconds is a time as Redis has it. A part of one counts as one.
func milliseconds(d time.Duration) string {
	return strconv.FormatInt(int64((d+time.Millisecond-1)/time.Millisecond), 10)
}

// newEpoch is random, and not 0.
func newEpoch() string {
	var b [8]byte
	rand.Read(b[:])
	return strconv.FormatUint(max(1, binary.BigEndian.Uint64(b[:])), 16)
}
