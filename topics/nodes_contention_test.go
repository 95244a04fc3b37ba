package topics_test

import (
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/framerail/framerail/conn"
	"github.com/framerail/framerail/topics"
	"github.com/framerail/framerail/topics/brokertest"
)

// Two nodes are closed while 32 goroutines use them, and while their broker is cut and restarted.
func TestNodes_AreClosedWhileAllUseThem(t *testing.T) {
	const each, steps = 16, 300
	memory := new(brokertest.Memory)
	var nodes []*clusterNode
	var users, closing sync.WaitGroup
	var done atomic.Int64
	for i := range 2 {
		n := newNode(t, memory.Recorder(), topics.History{Messages: 5, Last: true, Presence: true})
		n.OnGap = func(*conn.Conn, string, topics.Position) {}
		nodes = append(nodes, n)
		for range 4 {
			n.dial()
		}
		for user := range each {
			users.Go(func() {
				u := &nodeUser{n: n, memory: memory, rnd: rand.New(rand.NewPCG(uint64(i), uint64(user)))}
				for range steps {
					u.step()
					done.Add(1)
					time.Sleep(50 * time.Microsecond)
				}
			})
		}
		closing.Go(func() {
			await(t, "half of it", func() bool { return done.Load() > each*steps })
			n.Close()
		})
	}
	over := make(chan struct{})
	go func() {
		users.Wait()
		closing.Wait()
		close(over)
	}()
	await(t, "the end", func() bool {
		for _, n := range nodes {
			n.sim.Settle()
		}
		select {
		case <-over:
			return true
		default:
			return false
		}
	})
}

// nodeUser does anything with a node.
type nodeUser struct {
	n      *clusterNode
	memory *brokertest.Memory
	rnd    *rand.Rand
	at     atomic.Pointer[topics.Position]
}

func (u *nodeUser) step() {
	n, c, topic := u.n, u.n.conns[u.rnd.IntN(4)], fmt.Sprint("room.", u.rnd.IntN(3))
	switch u.rnd.IntN(12) {
	case 0:
		_, _ = n.Subscribe(c, []string{topic, "room.*"}[u.rnd.IntN(2)])
	case 1:
		_ = n.Unsubscribe(c, []string{topic, "room.*"}[u.rnd.IntN(2)])
	case 2, 3:
		var since topics.Position
		if at := u.at.Load(); at != nil {
			since = *at
		}
		_ = n.SubscribeSince(c, topic, since, func(at topics.Position, _ error) { u.at.Store(&at) })
	case 4:
		_ = n.SetPresence(c, topic, "x")
	case 5:
		if census := n.Census(topic); census.Members < 0 || census.Nodes < 0 {
			n.t.Errorf("%+v", census)
		}
	case 6:
		_, _ = n.Kept(topic, topics.Position{}, 3)
	case 7:
		switch u.rnd.IntN(200) {
		case 0:
			u.memory.Restart()
		case 1, 2, 3:
			n.broker.Cut()
		}
	default:
		_, _ = n.PublishExcept(topic, c, conn.Message{Type: conn.Text, Payload: []byte("x")})
	}
}
