package embedded_test

import (
	"strings"
	"testing"

	"github.com/framerail/framerail/conn"
	"github.com/framerail/framerail/topics"
)

// A name that is too long for NATS, and a message that is, keep no others out, and do not cost the connection.
func TestTopics_WhatNATSDoesNotTake(t *testing.T) {
	forKinds(t, nil, func(t *testing.T, k kind, _ *process, _ []*proxy, broker func(int) topics.Broker) {
		all := spread(t, k.keep, broker, func(h *topics.Topics) { h.MaxNameLen = 1 << 16 })
		long := "room." + strings.Repeat("x", 5000)
		for _, p := range all {
			for _, name := range []string{long, long + ".*"} {
				if _, err := p.Subscribe(p.members[0].conn, name); err != nil {
					t.Fatal(err)
				}
			}
			for _, m := range []struct{ topic, text string }{{long, "x"}, {room, strings.Repeat("x", 2<<20)}} {
				_, err := p.Publish(m.topic, conn.Message{Type: conn.Text, Payload: []byte(m.text)})
				if err != nil && err != topics.ErrBusy {
					t.Error(err)
				}
			}
		}
		for _, p := range all {
			p.awaitSent()
		}
		for _, p := range all {
			for _, m := range p.members {
				m.Resume()
				for m.place.sim.Settle(); ; {
					if _, ok := m.Next(); !ok {
						break
					}
				}
			}
		}
		for _, p := range all { // now that nobody drops what comes
			p.say(10)
		}
		everyoneHasLast(t, all)
		for _, p := range all {
			if s := p.Stats().Broker; s.Losses != 0 {
				t.Errorf("%s lost its connection %d times", p.name, s.Losses)
			}
		}
	})
}
