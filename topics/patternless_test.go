package topics_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/framerail/framerail/topics"
	"github.com/framerail/framerail/topics/brokertest"
)

// patternless takes interest in patterns, and brings nothing for it.
type patternless struct {
	brokertest.RecordingNode
	ended atomic.Int32 // topics
}

func (b *patternless) Interest(ctx context.Context, on, off []string) error {
	plain := slices.DeleteFunc(slices.Clone(on), func(name string) bool { return strings.Contains(name, "*") })
	err := b.RecordingNode.Interest(ctx, plain, off)
	b.ended.Add(int32(len(off)))
	if err == nil && len(plain) < len(on) {
		return fmt.Errorf("no patterns: %w", errors.ErrUnsupported)
	}
	return err
}

// A pattern for which the broker brings nothing says nothing of what should have come. So what was published before a topic was there, or while it
// was away, is not missing.
func TestAcross_APatternThatBringsNothingMissesNothing(t *testing.T) {
	for _, keep := range []topics.History{{}, kept} {
		for _, known := range []bool{false, true} { // the node has heard of the publisher before
			t.Run(fmt.Sprint("messages=", keep.Messages, " known=", known), func(t *testing.T) {
				memory := new(brokertest.Memory)
				end := &patternless{RecordingNode: memory.Recorder()}
				a, b := newNode(t, memory.Recorder(), keep), newNode(t, end, keep)
				gaps := 0
				b.OnGap = countGaps(&gaps)
				pat := b.dial()
				if _, err := b.Subscribe(pat.conn, "room.*"); err != nil {
					t.Fatal(err)
				}
				await(t, "interest", func() bool { return b.Listens("room.*") })
				b.ListensFor("room.*", time.Minute)
				if known {
					bob := b.member("room.1")
					a.say("room.1", "first")
					bob.expect("first")
					bob.Reset()
					await(t, "the topic is ended", func() bool { b.sim.Settle(); return end.ended.Load() > 0 })
				}
				for i := range 5 {
					a.say("room.1", fmt.Sprint("early.", i))
				}
				await(t, "the broker has them", a.IsIdle)
				bob := b.member("room.1")
				for i := range 3 {
					a.say("room.1", fmt.Sprint(i))
				}
				await(t, "all is there", func() bool { bob.look(); return slices.Contains(bob.read, "2") })
				if s := b.Stats().Broker; gaps != 0 || s.Missed != 0 || s.Gaps != 0 {
					t.Errorf("%d gaps, %+v", gaps, s)
				}
			})
		}
	}
}

// unsupported fails with an error of its system.
type unsupported struct {
	*brokertest.Node
	calls atomic.Int32
}

func (b *unsupported) Interest(context.Context, []string, []string) error {
	b.calls.Add(1)
	return fmt.Errorf("subscribing: %w", syscall.EOPNOTSUPP)
}

// An error by which a broker says that it does without patterns is a refusal as any other if there are none.
func TestAcross_AnErrorOfThatKindWithoutPatternsIsARefusal(t *testing.T) {
	broker := &unsupported{Node: new(brokertest.Memory).Broker()}
	n := newNode(t, broker, topics.History{})
	if _, err := n.Subscribe(n.dial().conn, "room.1"); err != nil {
		t.Fatal(err)
	}
	await(t, "more than one call", func() bool { return broker.calls.Load() > 1 })
	if n.Listens("room.1") {
		t.Error("it counts as confirmed")
	}
}
