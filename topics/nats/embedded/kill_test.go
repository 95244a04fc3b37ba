package embedded_test

import (
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/framerail/framerail/topics"
)

// Three programs have a server with a store each, and every message is on all three. One of the programs is killed: the one whose server
// leads the stream, and then another. Nothing comes twice or out of order, and what members miss they are told.
func TestTopics_StoringServersAreKilled(t *testing.T) {
	if testing.Short() {
		t.Skip("elections of leaders take ten seconds")
	}
	t.Parallel() // it waits, mostly
	servers := newCluster(t, 3)
	all := spread(t, hundreds, func(i int) topics.Broker {
		r := recorder(servers[i].url())
		r.Replicas = len(servers)
		return r
	}, nil)
	anew(t, all)
	for round := range 2 {
		leader := leads(t, servers)
		victim := (leader + round) % len(servers)
		losses := all[victim].Stats().Broker.Losses
		for _, p := range all {
			p.say(50)
		}
		servers[victim].kill() // with messages on their way
		all[victim].awaitDown()
		for _, p := range all {
			p.say(50)
			for _, m := range p.members {
				eventually(t, "members have what their own node publishes", func() bool { return m.hasLast(p) })
			}
		}
		servers[victim].start()
		all[victim].awaitUp(losses + 1)
		for _, p := range all {
			p.awaitSent()
		}
		settle(t, all)
		truthful(t, all, false)
	}
}

// leads is the server that leads the stream.
func leads(t *testing.T, servers []*process) (leader int) {
	t.Helper()
	js := admin(t, servers[0])
	eventually(t, "the stream has a leader", func() bool {
		stream, err := js.Stream(t.Context(), "framerail")
		if err != nil {
			return false
		}
		for i := range servers {
			if c := stream.CachedInfo().Cluster; c != nil && c.Leader == label(i) {
				leader = i
				return true
			}
		}
		return false
	})
	return leader
}

// A node dies while it publishes: nothing more of it comes through, and it does not say so. Others have what it said up to some message,
// miss nothing before that, and do not count its members any more after half a minute. Another node takes its place.
func TestTopics_NodeIsKilled(t *testing.T) {
	if testing.Short() {
		t.Skip("a node that is silent is forgotten after half a minute")
	}
	forKinds(t, alert(), func(t *testing.T, k kind, _ *process, proxies []*proxy, broker func(int) topics.Broker) {
		t.Parallel() // it waits, mostly
		keep := k.keep
		keep.Presence = true
		all := spread(t, keep, broker, nil)
		counts := func(places []*place, members int) {
			t.Helper()
			for _, p := range places {
				eventually(t, fmt.Sprintf("%s counts %d members", p.name, members), func() bool { return p.Census(room).Members == members })
			}
		}
		counts(all, 6)
		dead, others := all[0], all[1:]
		var died atomic.Bool
		talked := make(chan struct{})
		go func() {
			defer close(talked)
			for !died.Load() {
				dead.say(1)
				time.Sleep(time.Millisecond)
			}
		}()
		m := others[0].members[0]
		eventually(t, "others hear it", func() bool { m.look(); return len(m.seen[dead.name]) > 100 })
		proxies[0].partition(true)
		own := dead.members[0]
		own.look()
		heard := len(own.seen[dead.name])
		eventually(t, "it still publishes", func() bool { own.look(); return len(own.seen[dead.name]) > heard+100 })
		died.Store(true)
		<-talked
		dead.end()

		for _, p := range others {
			p.say(10)
		}
		everyoneHasLast(t, others)
		counts(others, 4)
		for _, p := range others {
			for i, m := range p.members {
				m.look()
				seen := m.seen[dead.name]
				if last := seen[len(seen)-1]; last != len(seen) || last >= dead.said {
					t.Errorf("member %d at %s has %d messages up to number %d, of %d", i, p.name, len(seen), last, dead.said)
				}
				if first := others[0].members[0].seen[dead.name]; k.records() && len(first) != len(seen) {
					t.Errorf("member %d at %s has %d messages, and another one %d", i, p.name, len(seen), len(first))
				}
				if m.isInformed() {
					t.Errorf("member %d at %s is told of a gap, and misses nothing that was sent", i, p.name)
				}
			}
		}
		proxies[0].partition(false)
		proxies[0].cut()
		again := newPlace(t, "another", broker(0), keep, nil)
		again.Stats()
		again.awaitUp(0)
		again.join(topics.Position{})
		all[0] = again
		settle(t, all)
		counts(all, 5)
	})
}
