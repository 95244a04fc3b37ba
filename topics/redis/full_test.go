package redis

import (
	"testing"

	"github.com/framerail/framerail/topics"
)

// A server without memory refuses messages. The node's connection stays, and goes on when there is room.
func TestPublish_ToAFullServer(t *testing.T) {
	r := startServer(t)
	n, keep := run(t, r.broker()), topics.History{Messages: 10}
	n.interest("room")
	n.publish("room", keep, "1")
	at := n.position("room", keep)
	r.answer("CONFIG", "SET", "maxmemory", "1")
	taken, err := n.broker.Publish(t.Context(), []topics.Packet{{Topic: "room", Data: []byte("2"), Keep: keep}})
	if taken != 0 || !isFull(err) {
		t.Errorf("%d are taken: %v", taken, err)
	}
	if texts, _, err := n.since("room", keep, at); err != nil || len(texts) != 0 {
		t.Errorf("%q, %v", texts, err)
	}
	n.interest("other")
	r.answer("CONFIG", "SET", "maxmemory", "0")
	n.publish("room", keep, "3")
	n.publish("other", topics.History{}, "4")
	if texts, _, err := n.since("room", keep, at); err != nil || len(texts) != 1 || texts[0] != "3" {
		t.Errorf("%q, %v", texts, err)
	}
	wait(t, "all arrive", func() bool { return len(n.received()) == 3 })
}
