package embedded_test

import (
	"errors"
	"testing"
	"time"

	"github.com/framerail/framerail/internal/test/port"
	"github.com/framerail/framerail/topics"
	"github.com/framerail/framerail/topics/nats"
	"github.com/framerail/framerail/topics/nats/embedded"
)

// again runs a node until it is up: a cluster that elects a leader has no stream meanwhile.
func (n *node) again() {
	n.t.Helper()
	for end := time.Now().Add(2 * long); ; time.Sleep(50 * time.Millisecond) {
		ended := make(chan error, 1)
		ups := n.ups
		n.cancel = func() {}
		n.ended = ended
		go func() { ended <- n.broker.Run(n.t.Context(), n) }()
		for {
			n.mu.Lock()
			up := n.ups > ups
			n.mu.Unlock()
			if up {
				return
			}
			if len(ended) > 0 {
				break
			}
			time.Sleep(5 * time.Millisecond)
		}
		if err := <-ended; time.Now().After(end) {
			n.t.Fatal("never up again: ", err)
		}
	}
}

// goOn runs a node again whose connection has ended: so it does after a call that the servers have not answered in time.
func (n *node) goOn() {
	n.t.Helper()
	if len(n.ended) > 0 {
		n.again()
	}
}

// What is kept survives the loss of one server of three, with the same positions.
func TestServer_ThreeKeepWhatOneLoses(t *testing.T) {
	if testing.Short() {
		t.Skip("elections of leaders take ten seconds")
	}
	t.Parallel() // it waits, mostly
	addresses := []string{port.Free(t), port.Free(t), port.Free(t)}
	var all []*embedded.Server
	for _, a := range addresses {
		all = append(all, start(t, &embedded.Server{ClusterListen: a, Routes: addresses, StoreDir: t.TempDir()}))
	}
	together(t, all)
	var nodes []*node
	for _, s := range all {
		n := newNode(t, &nats.Recorder{Broker: nats.Broker{Options: s.Options()}, Replicas: 3, MaxBytes: 16 << 20})
		nodes = append(nodes, n)
		n.again()
	}
	nodes[2].interest("a")
	start := nodes[0].position("a")
	nodes[0].publish("a", ten, "1", "2")
	nodes[2].hears("a", "1 2")

	all[0].Close()
	_ = nodes[0].over()
	// A stream without a leader takes nothing. Publish waits for the election, and is called again if that takes long.
	eventually(t, "two of three take a message", func() bool {
		nodes[1].goOn()
		taken, err := nodes[1].broker.Publish(t.Context(), []topics.Packet{{Topic: "a", Data: []byte("3"), Keep: ten}})
		if err != nil {
			t.Log(taken, err)
		}
		return err == nil
	})
	nodes[2].hears("a", "1 2 3")
	eventually(t, "two of three have all", func() bool {
		nodes[1].goOn()
		got, _, err := nodes[1].since("a", ten, start)
		if err == nil && got != "1 2 3" || errors.Is(err, topics.ErrGap) {
			t.Fatal(got, err)
		}
		return err == nil
	})

	if err := all[0].Start(); err != nil {
		t.Fatal(err)
	}
	nodes[0].again()
	eventually(t, "the first has all again", func() bool {
		nodes[0].goOn()
		got, _, err := nodes[0].since("a", ten, start)
		if err == nil && got != "1 2 3" || errors.Is(err, topics.ErrGap) {
			t.Fatal(got, err)
		}
		return err == nil
	})
}
