package topics_test

import (
	"bytes"
	"context"
	"errors"
	"sync/atomic"
	"testing"

	"github.com/framerail/framerail/topics"
	"github.com/framerail/framerail/topics/brokertest"
)

// unevenRecorder refuses a message once, and takes what comes behind it, which a Recorder must not. A call with "gated" waits for the gate.
type unevenRecorder struct {
	brokertest.RecordingNode
	gated   chan struct{} // closed when it waits
	gate    chan struct{}
	refused atomic.Bool
}

func (r *unevenRecorder) Publish(ctx context.Context, ms []topics.Packet) (taken int, err error) {
	for i := range ms {
		switch {
		case bytes.Contains(ms[i].Data, []byte("gated")):
			close(r.gated)
			<-r.gate
		case bytes.Contains(ms[i].Data, []byte("refused")) && !r.refused.Swap(true):
			err = errors.New("not now")
			continue
		}
		if _, failed := r.RecordingNode.Publish(ctx, ms[i:i+1]); failed != nil {
			return taken, failed
		}
		if err == nil {
			taken++
		}
	}
	return taken, err
}

// A message that a Recorder takes behind one that was published later comes to nobody, and all members hear of a gap, on the publisher's node too.
func TestSkipped_IsAGapForAll(t *testing.T) {
	memory := new(brokertest.Memory)
	r := &unevenRecorder{RecordingNode: memory.Recorder(), gated: make(chan struct{}), gate: make(chan struct{})}
	a, b := newNode(t, r, kept), newNode(t, memory.Recorder(), kept)
	ann, bob := a.member("room.1"), b.member("room.1")
	a.say("room.1", "1")
	ann.expect("1")
	bob.expect("1")
	a.say("room.1", "gated")
	<-r.gated
	a.say("room.1", "refused")
	a.say("room.1", "3") // in one call with the one before
	close(r.gate)
	ann.expect("gated 3")
	bob.expect("gated 3")
	before := ann.at.Offset - 1
	for _, n := range []*clusterNode{a, b} {
		if len(n.gaps) != 1 || n.gaps[0].Offset != before {
			t.Errorf("gaps at %v, want one at %d", n.gaps, before)
		}
	}
	a.say("room.1", "end")
	ann.expect("end")
	bob.expect("end")
	if len(a.gaps) != 1 || len(b.gaps) != 1 || b.Stats().Broker.Missed != 1 {
		t.Errorf("gaps %v and %v, %d messages are missing", a.gaps, b.gaps, b.Stats().Broker.Missed)
	}
}
