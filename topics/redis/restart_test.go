package redis

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/framerail/framerail/topics"
)

// A server that was killed has lost everything, has it all, or has an unknown part of it.
func TestRun_AfterAKillOfTheServer(t *testing.T) {
	keep := topics.History{Messages: 10}
	for _, c := range []struct {
		name    string
		args    []string
		durable bool
		same    bool // the epoch
	}{
		{"empty", nil, false, false},
		{"appendonly", []string{"--appendonly", "yes"}, false, false},
		{"durable", []string{"--appendonly", "yes", "--appendfsync", "always"}, true, true},
		{"durable_in_vain", nil, true, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := startServer(t, c.args...)
			b := r.broker()
			b.Durable = c.durable
			n := run(t, b)
			n.interest("room")
			n.publish("room", keep, "1", "2", "3")
			at := n.position("room", keep)
			at.Offset = 2
			r.kill()
			if err := n.end(); err == nil {
				t.Error("Run returned nothing")
			}
			r.start()
			n.run()
			got, now, err := n.since("room", keep, at)
			if c.same {
				if !slices.Equal(got, []string{"3"}) || now.Epoch != at.Epoch || err != nil {
					t.Error(got, now, err)
				}
			} else if !errors.Is(err, topics.ErrGap) || now.Epoch == at.Epoch || now.Offset != 0 {
				t.Error(got, now, err)
			}
			n.interest("room")
			n.publish("room", keep, "4")
			if got, after, err := n.since("room", keep, now); !slices.Equal(got, []string{"4"}) || after.Offset != now.Offset+1 || err != nil {
				t.Error(got, after, err)
			}
		})
	}
}

// Nobody may have asked for the position before the first message after a restart.
func TestPublish_BeginsAnEpochAfterARestart(t *testing.T) {
	keep := topics.History{Messages: 10}
	r := startServer(t, "--appendonly", "yes")
	n := run(t, r.broker())
	n.publish("room", keep, "1")
	at := n.position("room", keep)
	r.kill()
	n.end()
	r.start()
	n.run()
	n.publish("room", keep, "2", "3")
	if got, now, err := n.since("room", keep, at); !errors.Is(err, topics.ErrGap) || now.Epoch == at.Epoch || now.Offset != 2 {
		t.Error(got, now, err)
	}
}

// Nothing comes through, and nothing says so.
func TestRun_EndsWhenTheNetworkIsCut(t *testing.T) {
	r := startServer(t)
	cut := newProxy(t, r)
	b := r.broker()
	b.Client.DialCtxFn = cut.dial
	b.Client.ConnWriteTimeout, b.Client.Dialer.KeepAlive = 4*time.Second, 50*time.Millisecond
	n := run(t, b)
	n.interest("room")
	n.publish("room", topics.History{}, "before")
	n.expect("room before")
	cut.set(true)
	began := time.Now()
	taken, err := b.Publish(t.Context(), []topics.Packet{{Topic: "room", Data: []byte("during")}})
	if taken != 0 || err == nil {
		t.Error(taken, err)
	}
	if err := n.end(); err == nil {
		t.Error("Run returned nothing")
	}
	t.Logf("noticed after %v", time.Since(began).Round(time.Millisecond))

	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	if err := b.Run(ctx, n); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("connecting through a network that is cut: %v", err)
	}
	cut.set(false)
	n.run()
	n.interest("room")
	n.publish("room", topics.History{}, "after")
	n.expect("room after")
}

// An idle node notices it too.
func TestRun_EndsWhenTheNetworkOfAnIdleNodeIsCut(t *testing.T) {
	r := startServer(t)
	cut := newProxy(t, r)
	b := r.broker()
	b.Client.DialCtxFn = cut.dial
	b.Client.ConnWriteTimeout, b.Client.Dialer.KeepAlive = 4*time.Second, 50*time.Millisecond
	n := run(t, b)
	n.interest("room")
	cut.set(true)
	if err := n.end(); err == nil {
		t.Error("Run returned nothing")
	}
}
