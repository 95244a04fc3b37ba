package topics_test

import (
	"bytes"
	"fmt"
	"testing"
	"time"

	"github.com/framerail/framerail/topics"
	"github.com/framerail/framerail/topics/brokertest"
)

// A client with a position that nobody has been at is told no, after one question to the Recorder that all such clients share. Members
// get what comes meanwhile.
func TestAhead_AMadeUpPositionHoldsUpNobody(t *testing.T) {
	for name, keep := range map[string]topics.History{"messages": kept, "the last one": {Last: true}} {
		t.Run(name, func(t *testing.T) {
			memory := new(brokertest.Memory)
			end := newSilent(memory)
			n, other := newNode(t, end, keep), newNode(t, memory.Recorder(), keep)
			t.Cleanup(end.silence.goOn)
			ann := n.member("room.1")
			other.say("room.1", "1")
			other.say("room.1", "2")
			ann.expect("1 2")
			n.AnswersAfter(time.Hour)
			await(t, "a topic that misses nothing", func() bool { return n.Misses("room.1") == 0 })
			end.silence.hang(false)
			before := end.asked.Load()
			ahead := topics.Position{Epoch: ann.at.Epoch, Offset: ann.at.Offset + 1<<40}
			answers := 0
			ask := func() {
				t.Helper()
				if err := n.SubscribeSince(n.dial().conn, "room.1", ahead, func(_ topics.Position, err error) {
					if answers++; err != topics.ErrGap {
						t.Errorf("the answer is %v", err)
					}
				}); err != nil {
					t.Fatal(err)
				}
			}
			ask()
			await(t, "a question", func() bool { return end.asked.Load() > before })
			for range 9 {
				ask() // behind the question, so that there is another one for all of these
			}
			for i := range 3 {
				other.say("room.1", fmt.Sprint("live.", i))
			}
			ann.expect("live.0 live.1 live.2")
			end.silence.goOn()
			await(t, "all are answered", func() bool { n.sim.Settle(); return answers == 10 })
			if asked := end.asked.Load() - before; asked > 2 {
				t.Errorf("the Recorder is asked %d times", asked)
			}
			if len(n.gaps) > 0 {
				t.Errorf("gaps %v", n.gaps)
			}
			if got := n.Count("room.1"); got != 1 {
				t.Errorf("%d members", got)
			}
			other.say("room.1", "end")
			ann.expect("end")
		})
	}
}

// A client that has seen more than the node that it comes to, of which something was lost on its way, joins where it was. Members get what
// was lost.
func TestAhead_AClientOfANodeThatHasMore(t *testing.T) {
	memory := new(brokertest.Memory)
	end := newSilent(memory)
	memory.Drop = func(p topics.Packet, node string) bool {
		return bytes.Contains(p.Data, []byte("dropped")) && node == end.ID()
	}
	n, other := newNode(t, end, kept), newNode(t, memory.Recorder(), kept)
	ann, olga := n.member("room.1"), other.member("room.1")
	other.say("room.1", "1")
	ann.expect("1")
	other.say("room.1", "dropped")
	olga.expect("1 dropped")
	back := n.dial()
	at, err := back.since("room.1", olga.at)
	if err != nil || at != olga.at {
		t.Errorf("since %v: at %v, %v", olga.at, at, err)
	}
	ann.expect("dropped")
	other.say("room.1", "2")
	ann.expect("2")
	back.expect("2")
	if len(n.gaps) > 0 {
		t.Errorf("gaps %v", n.gaps)
	}
}

// A client with a position ahead waits no longer than members would for a Recorder that does not answer. No member waits, or has a gap.
func TestAhead_WithoutAnAnswerItIsNo(t *testing.T) {
	memory := new(brokertest.Memory)
	end := newSilent(memory)
	n, other := newNode(t, end, kept), newNode(t, memory.Recorder(), kept)
	t.Cleanup(end.silence.goOn)
	ann := n.member("room.1")
	other.say("room.1", "1")
	ann.expect("1")
	await(t, "a topic that misses nothing", func() bool { return n.Misses("room.1") == 0 })
	n.AnswersAfter(10 * time.Millisecond)
	end.silence.hang(false)
	ahead := topics.Position{Epoch: ann.at.Epoch, Offset: ann.at.Offset + 7}
	if _, err := n.dial().since("room.1", ahead); err != topics.ErrGap {
		t.Errorf("since %v: %v", ahead, err)
	}
	other.say("room.1", "2")
	ann.expect("2")
	if len(n.gaps) > 0 {
		t.Errorf("gaps %v", n.gaps)
	}
}
