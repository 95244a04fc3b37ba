package topics_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/framerail/framerail/conn"
	"github.com/framerail/framerail/topics"
	"github.com/framerail/framerail/topics/brokertest"
)

// silentRecorder publishes, and may answer no question: it is silent, or it fails.
type silentRecorder struct {
	*hangingNode
	silence hangingNode // holds calls of Since
	asked   atomic.Int64
	fails   atomic.Bool
	node    atomic.Value // a topics.Node
}

func newSilent(memory *brokertest.Memory) *silentRecorder {
	return &silentRecorder{hangingNode: &hangingNode{RecordingNode: memory.Recorder()}}
}

func (r *silentRecorder) Run(ctx context.Context, n topics.Node) error {
	r.node.Store(n)
	return r.hangingNode.Run(ctx, n)
}

func (r *silentRecorder) ID() string { return r.node.Load().(topics.Node).ID() }

func (r *silentRecorder) Since(ctx context.Context, topic string, keep topics.History, since topics.Position, most int) ([]topics.Packet, topics.Position, error) {
	r.asked.Add(1)
	if err := r.silence.wait(ctx); err != nil {
		return nil, topics.Position{}, err
	}
	if r.fails.Load() {
		return nil, topics.Position{}, errors.New("no leader")
	}
	return r.hangingNode.Since(ctx, topic, keep, since, most)
}

// Members do not wait for a Recorder that publishes, and does not answer what was missed: they are told of a gap, and get all that has
// come meanwhile. Whoever comes back when it answers gets all.
func TestUnanswered_AGapDoesNotHoldUpATopic(t *testing.T) {
	for name, fails := range map[string]bool{"it is silent": false, "it fails": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			memory := new(brokertest.Memory)
			end := newSilent(memory)
			memory.Drop = func(p topics.Packet, node string) bool {
				return bytes.Contains(p.Data, []byte("dropped")) && node == end.ID()
			}
			n, other := newNode(t, end, kept), newNode(t, memory.Recorder(), kept)
			t.Cleanup(end.silence.goOn)
			ann, olga := n.member("room.1"), other.member("room.1")
			other.say("room.1", "1")
			ann.expect("1")
			olga.expect("1")
			before := ann.at

			n.AnswersAfter(10 * time.Millisecond)
			if end.fails.Store(fails); !fails {
				end.silence.hang(false)
			}
			for _, text := range []string{"dropped", "3", "4"} {
				other.say("room.1", text)
			}
			ann.expect("3 4")
			olga.expect("dropped 3 4")
			if want := (topics.Position{Epoch: before.Epoch, Offset: before.Offset + 1}); len(n.gaps) != 1 || n.gaps[0] != want {
				t.Errorf("gaps at %v, want one at %v", n.gaps, want)
			}
			if ann.at != olga.at {
				t.Errorf("ann is at %v, and olga at %v", ann.at, olga.at)
			}
			other.say("room.1", "5")
			ann.expect("5")
			olga.expect("5")

			n.AnswersAfter(time.Hour)
			end.fails.Store(false)
			end.silence.goOn()
			back := n.dial()
			if _, err := back.since("room.1", before); err != nil {
				t.Fatal(err)
			}
			back.expect("dropped 3 4 5")
		})
	}
}

// If nothing has come while the Recorder did not answer, the next message is not held up either.
func TestUnanswered_TheNextMessageGoesOn(t *testing.T) {
	memory := new(brokertest.Memory)
	end := newSilent(memory)
	n, other := newNode(t, end, kept), newNode(t, memory.Recorder(), kept)
	t.Cleanup(end.silence.goOn)
	ann := n.member("room.1")
	other.say("room.1", "1")
	ann.expect("1")
	n.AnswersAfter(10 * time.Millisecond)
	end.silence.hang(false)
	end.node.Load().(topics.Node).Gap("room.1")
	time.Sleep(50 * time.Millisecond) // mostly it has gone on by then
	other.say("room.1", "2")
	ann.expect("2")
	if len(n.gaps) != 1 {
		t.Errorf("gaps %v", n.gaps)
	}
}

// A topic that is new to a node begins with the first message that comes, the node's own included.
func TestUnanswered_ANewTopicBegins(t *testing.T) {
	memory := new(brokertest.Memory)
	end := newSilent(memory)
	n, other := newNode(t, end, kept), newNode(t, memory.Recorder(), kept)
	t.Cleanup(end.silence.goOn)
	olga := other.member("room.1")
	n.awaitUp(0)
	n.AnswersAfter(10 * time.Millisecond)
	end.silence.hang(false)
	ann := n.dial()
	if _, err := n.Subscribe(ann.conn, "room.1"); err != nil {
		t.Fatal(err)
	}
	n.say("room.1", "1")
	ann.expect("1")
	olga.expect("1")
	bob := n.member("room.1")
	other.say("room.1", "2")
	for _, c := range []*client{ann, bob, olga} {
		c.expect("2")
	}
	if ann.at != olga.at || bob.at != olga.at {
		t.Errorf("ann is at %v, bob at %v, and olga at %v", ann.at, bob.at, olga.at)
	}
}

// A Recorder that is back, and does not answer what was missed while it was away: members get what comes from then on behind a gap,
// and what they have had of each other not once more.
func TestUnanswered_AfterAnOutage(t *testing.T) {
	memory := new(brokertest.Memory)
	end := newSilent(memory)
	n, other := newNode(t, end, kept), newNode(t, memory.Recorder(), kept)
	t.Cleanup(end.silence.goOn)
	t.Cleanup(end.goOn)
	ann, olga := n.member("room.1"), other.member("room.1")
	n.say("room.1", "1")
	ann.expect("1")
	olga.expect("1")

	n.hangsSoon()
	n.AnswersAfter(10 * time.Millisecond)
	end.hang(false)
	n.say("room.1", "2")
	ann.expect("2")
	n.HangsAfter(time.Hour)
	n.say("room.1", "3")
	ann.expect("3")
	end.silence.hang(false)
	end.goOn()
	olga.expect("2 3")
	other.say("room.1", "4")
	ann.expect("4")
	n.say("room.1", "5")
	ann.expect("5")
	olga.expect("4 5")
	if len(n.gaps) == 0 || ann.at != olga.at {
		t.Errorf("gaps %v; ann is at %v, and olga at %v", n.gaps, ann.at, olga.at)
	}
	for _, at := range n.gaps { // a client may have seen nothing behind one of them
		back := other.dial()
		if _, err := back.since("room.1", at); err != nil {
			t.Fatalf("since %v: %v", at, err)
		}
		if at == n.gaps[len(n.gaps)-1] {
			back.expect("4 5")
		}
	}
}

// gatedRecorder keeps a message from the Recorder until the test lets it go.
type gatedRecorder struct {
	*silentRecorder
	gate chan struct{}
}

func (r *gatedRecorder) Publish(ctx context.Context, ms []topics.Packet) (int, error) {
	for _, p := range ms {
		if bytes.Contains(p.Data, []byte("gated")) {
			select {
			case <-r.gate:
			case <-ctx.Done():
				return 0, ctx.Err()
			}
		}
	}
	return r.silentRecorder.Publish(ctx, ms)
}

// A topic that goes on without an answer keeps nothing from before a message that it has missed, also if members have had what comes behind it. Who comes
// back from before that message gets it.
func TestUnanswered_NoHoleInWhatIsKept(t *testing.T) {
	t.Parallel()
	memory := new(brokertest.Memory)
	end := &gatedRecorder{newSilent(memory), make(chan struct{})}
	memory.Drop = func(p topics.Packet, node string) bool {
		return bytes.Contains(p.Data, []byte("dropped")) && node == end.ID()
	}
	n, other := newNode(t, end, kept), newNode(t, memory.Recorder(), kept)
	t.Cleanup(end.silence.goOn)
	t.Cleanup(end.goOn)
	ann, olga := n.member("room.1"), other.member("room.1")
	n.say("room.1", "1")
	ann.expect("1")
	olga.expect("1")

	n.hangsSoon()
	end.hang(false)
	n.say("room.1", "2")
	ann.expect("2")
	n.HangsAfter(time.Hour)
	n.say("room.1", "gated")
	ann.expect("gated")
	n.AnswersAfter(10 * time.Millisecond)
	end.silence.hang(false)
	end.goOn()
	await(t, "the topic is to catch up", func() bool { return n.Misses("room.1") > 0 })
	olga.expect("2")
	other.say("room.1", "x")
	olga.expect("x")
	before := olga.at
	other.say("room.1", "dropped")
	olga.expect("dropped")
	close(end.gate)
	ann.expect("x")
	olga.expect("gated")

	n.AnswersAfter(time.Hour)
	end.silence.goOn()
	back := n.dial()
	if _, err := back.since("room.1", before); err != nil {
		t.Fatal(err)
	}
	back.expect("dropped gated")
}

// How many calls of SubscribeSince wait for one connection is bounded, for a member too. All that wait are answered.
func TestUnanswered_WaitingCallsAreBounded(t *testing.T) {
	memory := new(brokertest.Memory)
	end := newSilent(memory)
	n := newNode(t, end, kept)
	n.MaxTopics = 3
	t.Cleanup(end.silence.goOn)
	ann := n.member("room.1")
	n.AnswersAfter(time.Hour)
	end.silence.hang(false)
	answers := 0
	ask := func() error {
		ahead := topics.Position{Epoch: ann.at.Epoch, Offset: ann.at.Offset + 100} // so that the Recorder is asked
		return n.SubscribeSince(ann.conn, "room.1", ahead, func(_ topics.Position, err error) {
			if answers++; err != topics.ErrGap {
				t.Errorf("the answer is %v", err)
			}
		})
	}
	for range n.MaxTopics {
		if err := ask(); err != nil {
			t.Fatal(err)
		}
	}
	if err := ask(); err != topics.ErrTooManyTopics {
		t.Errorf("one more: %v", err)
	}
	end.silence.goOn()
	await(t, "all are answered", func() bool { n.sim.Settle(); return answers == n.MaxTopics })
	n.say("room.1", "1")
	ann.expect("1")
}

// mutedRecorder never answers about topics that begin with "mute.", while it is muted.
type mutedRecorder struct {
	*silentRecorder
	muted atomic.Bool
}

func (r *mutedRecorder) Since(ctx context.Context, topic string, keep topics.History, since topics.Position, most int) ([]topics.Packet, topics.Position, error) {
	if r.muted.Load() && strings.HasPrefix(topic, "mute.") {
		<-ctx.Done()
		return nil, topics.Position{}, ctx.Err()
	}
	return r.silentRecorder.Since(ctx, topic, keep, since, most)
}

// However many topics a Recorder never answers about, it is asked about others, and their members get what they missed.
func TestUnanswered_SomeTopicsKeepNoOtherWaiting(t *testing.T) {
	t.Parallel()
	const mute = 100
	memory := new(brokertest.Memory)
	end := &mutedRecorder{silentRecorder: newSilent(memory)}
	memory.Drop = func(p topics.Packet, node string) bool {
		return bytes.Contains(p.Data, []byte("dropped")) && node == end.ID()
	}
	n, other := newNode(t, end, kept), newNode(t, memory.Recorder(), kept)
	n.OnGap = nil
	ann, olga := n.member("room.1"), other.member("room.1")
	c := n.dial()
	for i := range mute {
		if _, err := c.since(fmt.Sprint("mute.", i), topics.Position{}); err != nil {
			t.Fatal(err)
		}
	}
	other.say("room.1", "1")
	ann.expect("1")
	olga.expect("1")
	n.AnswersAfter(10 * time.Millisecond)
	end.muted.Store(true)
	for i := range mute {
		end.node.Load().(topics.Node).Gap(fmt.Sprint("mute.", i))
	}
	await(t, "topics that go on", func() bool {
		for i := range mute {
			if _, adrift := n.Waits(fmt.Sprint("mute.", i)); !adrift {
				return false
			}
		}
		return true
	})
	n.AnswersAfter(time.Hour)
	other.say("room.1", "dropped")
	other.say("room.1", "2")
	ann.expect("dropped 2")
}

// A topic that the Recorder never answers about goes on, although it answers about others all the time. Nothing is held of it then.
func TestUnanswered_OneTopicGoesOnWhileOthersAreAnswered(t *testing.T) {
	t.Parallel()
	memory := new(brokertest.Memory)
	end := &mutedRecorder{silentRecorder: newSilent(memory)}
	n, other := newNode(t, end, kept), newNode(t, memory.Recorder(), kept)
	gaps := 0
	n.OnGap = func(_ *conn.Conn, topic string, _ topics.Position) {
		if topic == "mute.1" {
			gaps++
		}
	}
	_, mia := n.member("room.1"), n.member("mute.1")
	other.say("mute.1", "1")
	mia.expect("1")
	n.AnswersAfter(200 * time.Millisecond)
	end.muted.Store(true)
	gap := end.node.Load().(topics.Node).Gap
	gap("mute.1")
	other.say("mute.1", "2")
	await(t, "the topic goes on", func() bool { gap("room.1"); mia.look(); return len(mia.read) > 0 })
	mia.expect("2")
	if gaps != 1 {
		t.Errorf("%d gaps", gaps)
	}
	n.AnswersAfter(time.Hour)
	await(t, "nothing is held", func() bool { return n.Stats().Broker.RecorderBytes == 0 })
}
