package redis

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"strconv"
	"sync"
	"time"

	"github.com/redis/rueidis"

	"github.com/framerail/framerail/topics"
)

// Bounds of what is on its way to Redis at once. A script does not let others in between, which is why it has fewer messages.
const (
	batchMessages  = 512
	scriptMessages = 128
	batchBytes     = 1 << 20
)

// Publish implements topics.Broker. Of a topic, nothing is taken behind the first message that the server refuses. A refusal leaves the
// connection as it is. Any other error ends Run, and messages after the first taken ones may have arrived then. With a cluster and with
// NoPatterns, those of other topics may have arrived too.
func (b *Broker) Publish(ctx context.Context, ms []topics.Packet) (taken int, err error) {
	s, err := b.connected()
	if err != nil {
		return 0, err
	}
	for taken < len(ms) && err == nil {
		var n int
		n, err = s.batch(ctx, s.first(ms[taken:]))
		taken += n
	}
	return taken, err
}

// first is the first messages, as many as one batch may have.
func (s *session) first(ms []topics.Packet) []topics.Packet {
	bytes, scripts := 0, false
	for i := range ms {
		scripts = scripts || s.inScript(&ms[i])
		if i == batchMessages || bytes >= batchBytes || scripts && i >= scriptMessages {
			return ms[:i]
		}
		bytes += len(ms[i].Data)
	}
	return ms
}

// inScript reports whether a message needs the script.
func (s *session) inScript(m *topics.Packet) bool {
	return m.Keep.Last || m.Keep.Messages > 0 || !s.broker.NoPatterns
}

// batch is messages that are published at once.
type batch struct {
	session *session
	ms      []topics.Packet
	of      [partitions][]int // indexes of ms. Without a cluster the first one has all
	scripts bool
	errs    []error // by message

	mu     sync.Mutex
	behind error // guarded by mu: why messages did not come to all patterns that match them
}

// batch publishes messages: those of one server in their order, those of several at once.
func (s *session) batch(ctx context.Context, ms []topics.Packet) (taken int, err error) {
	b := &batch{session: s, ms: ms, errs: make([]error, len(ms))}
	for i := range ms {
		p := 0
		if s.isCluster {
			p = partition(ms[i].Topic)
		}
		b.of[p] = append(b.of[p], i)
		b.scripts = b.scripts || s.inScript(&ms[i])
	}
	if len(s.all) == 1 {
		b.send(ctx, s.all[0])
	} else {
		var wg sync.WaitGroup
		for _, l := range s.all {
			wg.Go(func() { b.send(ctx, l) })
		}
		wg.Wait()
	}
	for ; taken < len(ms); taken++ {
		if err := b.errs[taken]; err != nil {
			return taken, s.failed("publishing", err)
		}
	}
	if b.behind != nil {
		err = s.failed("publishing to patterns", b.behind)
	}
	return taken, err
}

// send publishes the messages of a server. A script has those of a partition.
func (b *batch) send(ctx context.Context, l *link) {
	var cmds []rueidis.Completed
	var its [][]int
	for p, some := range b.of {
		switch {
		case len(some) == 0 || b.session.links[p] != l:
		case b.scripts:
			cmds, its = append(cmds, b.script(l, some)), append(its, some)
		default:
			for i := range some {
				cmds, its = append(cmds, b.spublish(l, some[i])), append(its, some[i:i+1])
			}
		}
	}
	if len(cmds) == 0 {
		return
	}
	for i, r := range l.commands.DoMulti(ctx, cmds...) {
		if !b.scripts {
			b.errs[its[i][0]] = r.Error()
			continue
		}
		taken, err := outcome(r)
		if r.Error() != nil && len(its[i]) > 1 && b.session.isRefusal(err) {
			b.sendEach(ctx, l, its[i])
			continue
		}
		b.note(its[i], taken, err)
	}
}

// sendEach publishes messages one by one, until one is refused. Redis refuses a script, and runs nothing of it, if rights for one of its keys
// are missing.
func (b *batch) sendEach(ctx context.Context, l *link, its []int) {
	for i := range its {
		taken, err := outcome(l.commands.Do(ctx, b.script(l, its[i:i+1])))
		if taken == 0 {
			b.note(its[i:], 0, err)
			return
		}
		b.note(its[i:i+1], 1, err)
	}
}

// note notes how many of some messages were taken, and why not more. If all were, the error is of patterns.
func (b *batch) note(its []int, taken int, err error) {
	if taken > len(its) || taken < len(its) && err == nil {
		taken, err = 0, errAnswer
	}
	for _, i := range its[taken:] {
		b.errs[i] = err
	}
	if taken == len(its) && err != nil {
		b.mu.Lock()
		b.behind = err
		b.mu.Unlock()
	}
}

// outcome is what a script answers.
func outcome(r rueidis.RedisResult) (taken int, err error) {
	answer, err := r.ToArray()
	if err != nil {
		return 0, err
	}
	if len(answer) == 0 {
		return 0, errAnswer
	}
	n, err := answer[0].ToInt64()
	if err != nil || len(answer) == 1 {
		return int(n), err
	}
	text, err := answer[1].ToString()
	if err == nil {
		err = scriptError(text)
	}
	return int(n), err
}

// spublish is what publishes a message that nobody keeps, and that goes to no patterns.
func (b *batch) spublish(l *link, i int) rueidis.Completed {
	m, s := &b.ms[i], b.session
	channel := s.name(partition(m.Topic), kindTopic, m.Topic)
	return l.commands.B().Spublish().Channel(channel).Message("- " + string(m.Data)).Build()
}

// script is what publishes messages of one partition, or without a cluster of any.
func (b *batch) script(l *link, its []int) rueidis.Completed {
	s := b.session
	keys := make([]string, 0, 2*len(its))
	args := make([]string, 0, 2+16*len(its))
	args = append(args, l.life, newEpoch())
	for _, i := range its {
		m := &b.ms[i]
		p := partition(m.Topic)
		keys = append(keys, s.name(p, kindKnown, m.Topic), s.name(p, kindStream, m.Topic))
		args = s.appendMessage(args, p, m)
	}
	return l.commands.B().Evalsha().Sha1(s.publish).Numkeys(int64(len(keys))).Key(keys...).Arg(args...).Build()
}

// appendMessage appends what the script needs of a message.
func (s *session) appendMessage(args []string, p int, m *topics.Packet) []string {
	most := max(0, m.Keep.Messages)
	if m.Keep.Last {
		most = max(1, most)
	}
	args = append(args, string(m.Data), m.Topic, s.name(p, kindTopic, m.Topic), strconv.Itoa(most), "0")
	count := len(args) - 1
	if most > 0 {
		args = s.appendKeep(args, &m.Keep)
	}
	if s.broker.NoPatterns {
		return args
	}
	at := len(args)
	args = prefixes(m.Topic, args)
	for i, prefix := range args[at:] {
		args[at+i] = s.name(p%s.prefixPartitions(), kindPrefix, prefix)
	}
	args[count] = strconv.Itoa(len(args) - at)
	return args
}

// appendKeep appends what the script needs to keep a message.
func (s *session) appendKeep(args []string, keep *topics.History) []string {
	last := "0"
	if keep.Last {
		last = "1"
	}
	known, messages := s.broker.retention(keep)
	return append(args, strconv.Itoa(max(0, keep.Bytes)), milliseconds(max(0, keep.Age)), last, milliseconds(known), milliseconds(messages))
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
