package embedded_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/framerail/framerail/internal/test/port"
	"github.com/framerail/framerail/topics"
	"github.com/framerail/framerail/topics/nats"
	"github.com/framerail/framerail/topics/nats/embedded"
	client "github.com/nats-io/nats.go"
)

var hundreds = topics.History{Messages: 1000}

// alert are options with which a lost network is noticed soon. A machine with other work must not be taken for one.
func alert() []client.Option {
	return []client.Option{client.PingInterval(500 * time.Millisecond), client.MaxPingsOutstanding(4)}
}

// spread makes three places with two members each.
func spread(t *testing.T, keep topics.History, broker func(i int) topics.Broker, change func(*topics.Topics)) (all []*place) {
	t.Helper()
	for i := range 3 {
		p := newPlace(t, fmt.Sprint("node", i), broker(i), keep, change)
		all = append(all, p)
		p.Count(room) // the first call has it connect
		p.Stats()
		p.awaitUp(0)
		p.join(topics.Position{})
		p.join(topics.Position{})
	}
	return all
}

// kinds of brokers: each makes one of a URL and options.
type kind struct {
	name   string
	keep   topics.History
	broker func(url string, options []client.Option) topics.Broker
}

var kinds = []kind{
	{"broker", topics.History{}, func(url string, options []client.Option) topics.Broker {
		return &nats.Broker{URL: url, Options: options}
	}},
	{"broker, and nodes keep", hundreds, func(url string, options []client.Option) topics.Broker {
		return &nats.Broker{URL: url, Options: options}
	}},
	{"recorder", hundreds, func(url string, options []client.Option) topics.Broker {
		r := recorder(url)
		r.Options = options
		return r
	}},
}

func (k kind) records() bool { return k.name == "recorder" }

// forKinds runs a test with each kind of broker, at a server of its own, with a proxy for each node. Node 0 has options.
func forKinds(t *testing.T, first []client.Option, test func(t *testing.T, k kind, s *process, proxies []*proxy, broker func(i int) topics.Broker)) {
	for _, k := range kinds {
		t.Run(k.name, func(t *testing.T) {
			s := newProcess(t)
			var proxies []*proxy
			for range 3 {
				proxies = append(proxies, newProxy(t, s.addr))
			}
			test(t, k, s, proxies, func(i int) topics.Broker {
				var options []client.Option
				if i == 0 {
					options = first
				}
				return k.broker(proxies[i].url(), options)
			})
		})
	}
}

func TestTopics_MembersOfThreeNodes(t *testing.T) {
	forKinds(t, nil, func(t *testing.T, k kind, _ *process, _ []*proxy, broker func(int) topics.Broker) {
		all := spread(t, k.keep, broker, nil)
		for range 20 {
			for _, p := range all {
				p.say(10)
			}
		}
		everyoneHasLast(t, all)
		truthful(t, all, true)
	})
}

// The same with a server in each program, and nothing else.
func TestTopics_MembersOfAnEmbeddedCluster(t *testing.T) {
	servers := cluster(t, 3, nil)
	together(t, servers)
	for _, keep := range []topics.History{{}, hundreds} {
		all := spread(t, keep, func(i int) topics.Broker { return &nats.Broker{Options: servers[i].Options()} }, nil)
		anew(t, all)
		for range 20 {
			for _, p := range all {
				p.say(10)
			}
		}
		everyoneHasLast(t, all)
		truthful(t, all, true)
		for _, p := range all {
			p.end()
		}
	}
}

// What a recorder in one of the programs keeps, others can ask for.
func TestTopics_EmbeddedRecorder(t *testing.T) {
	s := start(t, &embedded.Server{StoreDir: t.TempDir()})
	all := spread(t, hundreds, func(int) topics.Broker {
		return &nats.Recorder{Broker: nats.Broker{Options: s.Options()}, MaxBytes: 16 << 20}
	}, nil)
	for _, p := range all {
		p.say(20)
	}
	everyoneHasLast(t, all)
	was := all[0].members[0]
	all[1].say(5)
	everyoneHasLast(t, all[1:])
	again := all[2].join(was.at) // a client of the first node comes back to the third
	eventually(t, "it has what it missed", func() bool { return again.hasLast(all[1]) })
	if was.look(); again.seen[all[1].name][0] > 25 {
		t.Errorf("%v", again.seen)
	}
}

// The server is killed, and comes back with its files. Meanwhile each node's own members get its messages.
func TestTopics_ServerIsKilled(t *testing.T) {
	forKinds(t, nil, func(t *testing.T, k kind, s *process, _ []*proxy, broker func(int) topics.Broker) {
		all := spread(t, k.keep, broker, nil)
		for _, p := range all {
			p.say(10)
		}
		s.kill() // with messages on their way
		for _, p := range all {
			p.awaitDown()
			p.say(20)
			for _, m := range p.members {
				eventually(t, "members have what their own node publishes", func() bool { return m.hasLast(p) })
			}
		}
		s.start()
		for _, p := range all {
			p.awaitUp(1)
			p.awaitSent()
		}
		settle(t, all)
		truthful(t, all, k.records())
	})
}

// settle has all nodes publish until everyone has the last message of everyone: an interest that is
// not confirmed yet may miss one.
func settle(t *testing.T, all []*place) {
	t.Helper()
	for _, p := range all {
		eventually(t, "messages of "+p.name+" arrive everywhere", func() bool {
			p.say(1)
			for end := time.Now().Add(time.Second); time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
				arrived := true
				for _, q := range all {
					for _, m := range q.members {
						arrived = m.hasLast(p) && arrived
					}
				}
				if arrived {
					return true
				}
			}
			return false
		})
	}
}

// anew has the count of messages begin once the nodes hear each other: at a cluster they know each other a little later than
// they are up.
func anew(t *testing.T, all []*place) {
	t.Helper()
	settle(t, all)
	for _, p := range all {
		p.before = p.said
		for _, m := range p.members {
			clear(m.seen)
		}
	}
}

// The network of one node swallows everything for a while. Its messages for others wait in a small outbox. What does not
// fit is counted, and is what members of other nodes miss.
func TestTopics_OneNodeIsPartitioned(t *testing.T) {
	forKinds(t, alert(), func(t *testing.T, k kind, _ *process, proxies []*proxy, broker func(int) topics.Broker) {
		t.Parallel() // it waits, mostly
		all := spread(t, k.keep, broker, func(h *topics.Topics) { h.MaxOutbox = 20_000 })
		for _, p := range all {
			p.say(10)
		}
		everyoneHasLast(t, all)
		proxies[0].partition(true)
		all[0].say(5) // before the node notices
		all[0].awaitDown()
		all[0].say(500)
		for _, p := range all[1:] {
			p.say(20)
			p.awaitSent()
		}
		for _, m := range all[0].members {
			eventually(t, "its own members have all", func() bool { return m.hasLast(all[0]) })
		}
		proxies[0].partition(false)
		proxies[0].cut()
		all[0].awaitUp(1)
		all[0].awaitSent()
		for _, p := range all[1:] { // although it publishes nothing more
			for _, m := range p.members {
				eventually(t, "members are informed of what did not fit", m.isInformed)
			}
		}
		settle(t, all)
		lost := int(all[0].Stats().Broker.Lost)
		if lost == 0 || lost > 500 {
			t.Errorf("%d messages did not fit", lost)
		}
		for _, p := range all[1:] {
			for i, m := range p.members {
				if n := m.missing(all[0]); n != lost {
					t.Errorf("member %d at %s misses %d messages of %s, which counts %d", i, p.name, n, all[0].name, lost)
				}
			}
		}
		truthful(t, all, false)
		for _, m := range all[0].members {
			if n := m.missing(all[1]); k.records() && n != 0 || !k.records() && n != 20 {
				t.Errorf("a member of the node that was away misses %d messages of another", n)
			}
		}
	})
}

// A node ends, as a process does, and another takes its place. Its clients come back with their positions.
func TestTopics_NodeIsReplaced(t *testing.T) {
	forKinds(t, nil, func(t *testing.T, k kind, _ *process, _ []*proxy, broker func(int) topics.Broker) {
		all := spread(t, k.keep, broker, nil)
		for _, p := range all {
			p.say(10)
		}
		everyoneHasLast(t, all)
		at := all[0].members[0].at
		all[0].end()
		for _, p := range all[1:] {
			p.say(10)
		}
		everyoneHasLast(t, all[1:])
		again := newPlace(t, "another", broker(0), k.keep, nil)
		again.Stats()
		again.awaitUp(0)
		if k.records() {
			m := again.join(at)
			for _, p := range all[1:] {
				eventually(t, "what it missed", func() bool { return m.hasLast(p) })
				if n := len(m.seen[p.name]); n != 10 {
					t.Errorf("the client has %d messages of %s that it missed, not 10", n, p.name)
				}
			}
		} else {
			again.join(topics.Position{})
		}
		all[0] = again
		for _, p := range all {
			p.say(10)
		}
		everyoneHasLast(t, all)
	})
}

// Core NATS loses what a broken route had on its way, and says nothing: each node's own connection is whole. The
// publisher falls silent then, and repeats the number of its last message.
func TestTopics_LossBetweenServersIsNoticed(t *testing.T) {
	t.Parallel() // it waits, mostly
	first := start(t, &embedded.Server{ClusterListen: ":0"})
	route := newProxy(t, first.ClusterAddr().String())
	second := start(t, &embedded.Server{ClusterListen: ":0", Routes: []string{route.ln.Addr().String()}})
	servers := []*embedded.Server{first, second}
	together(t, servers)
	var all []*place
	for i, s := range servers {
		p := newPlace(t, fmt.Sprint("node", i), &nats.Broker{Options: s.Options()}, topics.History{}, nil)
		p.Stats()
		p.awaitUp(0)
		p.join(topics.Position{})
		all = append(all, p)
	}
	anew(t, all)
	route.partition(true)
	all[0].say(10)
	eventually(t, "the last one is lost", func() bool { return route.hasSwallowed(fmt.Sprintf("%s %d", all[0].name, all[0].said)) })
	route.partition(false)
	route.cut()
	together(t, servers)
	m := all[1].members[0]
	eventually(t, "the member is informed", m.isInformed)
	if m.look(); m.missing(all[0]) != 10 || all[1].Stats().Broker.Losses != 0 {
		t.Errorf("%d messages are missing, and %d connections were lost", m.missing(all[0]), all[1].Stats().Broker.Losses)
	}
	settle(t, all)
	if n, counted := m.missing(all[0]), all[1].Stats().Broker.Missed; n != 10 || counted != 10 {
		t.Errorf("%d messages are missing, and %d are counted", n, counted)
	}
}

// A program with a server in it is gone, and comes back. The others go on meanwhile.
func TestTopics_EmbeddedServerIsKilled(t *testing.T) {
	address := port.Free(t)
	servers := cluster(t, 3, func(s *embedded.Server) {
		if s.Name == label(0) {
			s.ClusterListen = address
		}
	})
	together(t, servers)
	all := spread(t, topics.History{}, func(i int) topics.Broker { return &nats.Broker{Options: servers[i].Options()} }, nil)
	anew(t, all)
	for _, p := range all {
		p.say(10)
	}
	everyoneHasLast(t, all)
	servers[0].Close()
	all[0].awaitDown()
	for _, p := range all {
		p.say(20)
	}
	everyoneHasLast(t, all[1:])
	if err := servers[0].Start(); err != nil {
		t.Fatal(err)
	}
	all[0].awaitUp(1)
	together(t, servers)
	all[0].awaitSent()
	settle(t, all)
	truthful(t, all, false)
}
