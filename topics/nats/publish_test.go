package nats

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"testing"

	"github.com/framerail/framerail/topics"
	"github.com/nats-io/nats.go/jetstream"
)

// leaderless is a stream that has no leader while it refuses messages. Each message is one that it gets, in order.
type leaderless struct {
	got    int
	has    func(got int) bool // a leader, when it gets that one
	stored []string
	parts  []int // their lengths
}

func (l *leaderless) publish(part []topics.Packet) (taken int, err error) {
	l.parts = append(l.parts, len(part))
	for i := range part {
		stores := l.has(l.got)
		l.got++
		switch {
		case !stores && err == nil:
			taken, err = i, jetstream.ErrNoStreamResponse
		case stores && !slices.Contains(l.stored, string(part[i].Data)): // it tells copies
			l.stored = append(l.stored, string(part[i].Data))
		}
	}
	if err == nil {
		taken = len(part)
	}
	return taken, err
}

func noPause() error { return nil }

func numbered(n int) (ms []topics.Packet, data []string) {
	for i := range n {
		data = append(data, strconv.Itoa(i))
		ms = append(ms, topics.Packet{Topic: "a", Data: []byte(data[i]), Keep: topics.History{Messages: 1}})
	}
	return ms, data
}

// A stream that gets a leader at any moment stores the messages in their order.
func TestInOrder_WhileAStreamGetsALeader(t *testing.T) {
	ms, data := numbered(3000)
	for _, from := range []int{0, 1, 2, 3, 100, 511, 1024} {
		l := &leaderless{has: func(got int) bool { return got >= from }}
		if taken, err := inOrder(ms, true, l.publish, noPause); taken != len(ms) || err != nil || !slices.Equal(l.stored, data) {
			t.Errorf("from message %d on: %d taken, %v, %d stored", from, taken, err, len(l.stored))
		}
		if from == 0 && !slices.Equal(l.parts, []int{1, 1024, 1024, 951}) {
			t.Errorf("with a leader from the start the parts are %v", l.parts)
		}
	}
	// It is lost in the middle, and comes back with the next part.
	l := &leaderless{has: func(got int) bool { return got < 500 || got > 2000 }}
	if taken, err := inOrder(ms, true, l.publish, noPause); taken != len(ms) || err != nil || !slices.Equal(l.stored, data) {
		t.Errorf("%d taken, %v, %d stored", taken, err, len(l.stored))
	}
}

// The messages that show whether there is a leader are those that are stored.
func TestInOrder_BeginsWithAMessageThatIsStored(t *testing.T) {
	ms, _ := numbered(5)
	ms[0].Keep, ms[1].Keep = topics.History{}, topics.History{}
	l := &leaderless{has: func(int) bool { return true }}
	if _, err := inOrder(ms, true, l.publish, noPause); err != nil || !slices.Equal(l.parts, []int{3, 2}) {
		t.Errorf("%v, %v", l.parts, err)
	}
	l.parts = nil
	if _, err := inOrder(ms, false, l.publish, noPause); err != nil || !slices.Equal(l.parts, []int{5}) {
		t.Errorf("where no leader changes: %v, %v", l.parts, err)
	}
}

func TestInOrder_Ends(t *testing.T) {
	ms, _ := numbered(5)
	refused := errors.New("refused")
	for _, c := range []struct {
		err, pause error
		calls      int
	}{{refused, nil, 1}, {jetstream.ErrNoStreamResponse, errors.New("too long"), 1}} {
		calls := 0
		taken, err := inOrder(ms, false, func([]topics.Packet) (int, error) { calls++; return 2, c.err }, func() error { return c.pause })
		if taken != 2 || err != c.err || calls != c.calls {
			t.Errorf("%v: %d taken, %v, in %d calls", c.err, taken, err, calls)
		}
	}
}

func TestIsPassing(t *testing.T) {
	for err, want := range map[error]bool{
		jetstream.ErrNoStreamResponse:                               true,
		fmt.Errorf("%w: %w", errSilent, errDown):                    true,
		&jetstream.APIError{Code: 503}:                              true,
		&jetstream.APIError{Code: 429, ErrorCode: 10167}:            true,
		&jetstream.APIError{Code: 400}:                              false,
		errors.Join(jetstream.ErrNoStreamResponse, errors.New("x")): true,
		errDown: false,
	} {
		if isPassing(err) != want {
			t.Errorf("%v: %t", err, !want)
		}
	}
}

// A message that was not sent is answered once, also if the server refuses another one to its subject later.
func TestAnswers_NotSentIsAnsweredOnce(t *testing.T) {
	var a acks
	subjects := []string{"a", "b", "b"}
	b := a.begin(func(i int) string { return subjects[i] })
	for range subjects {
		b.expect(true)
	}
	b.answer(2, errName) // too large, say
	all := b.complete()
	a.refused("b", errDown)
	select {
	case <-all:
		t.Error("message 0 is not answered yet")
	default:
	}
	b.answer(0, nil)
	<-all
	if taken, err := b.taken(2); taken != 1 || err != errDown {
		t.Errorf("%d, %v", taken, err)
	}
}

// A message that the server refuses for want of rights is not answered. Those beside it are.
func TestAnswers_RefusedIsAnswered(t *testing.T) {
	var a acks
	subjects := []string{"a", "b", "plain", "b"}
	b := a.begin(func(i int) string { return subjects[i] })
	for i, subject := range subjects {
		if reply := b.expect(subject != "plain"); (reply == "") != (subject == "plain") {
			t.Errorf("message %d is answered on %q", i, reply)
		}
	}
	all := b.complete()
	a.refused("b", errDown)
	a.refused("elsewhere", errName)
	select {
	case <-all:
		t.Error("message 0 is not answered yet")
	default:
	}
	b.answer(0, nil)
	<-all
	if taken, err := b.taken(4); taken != 1 || err != errDown {
		t.Errorf("%d, %v", taken, err)
	}
	a.refused("plain", errName)
	b.refuse("b", nil)
	if taken, err := b.taken(4); taken != 2 || err != errName {
		t.Errorf("%d, %v", taken, err)
	}
	a.end()
	a.refused("a", errDown)
}
