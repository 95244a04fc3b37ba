package redis

import (
	"fmt"
	"strings"
	"testing"

	"github.com/redis/rueidis"

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

// An interest for which rights are missing is refused each time, and the connection carries the rest.
func TestInterest_WithoutRights(t *testing.T) {
	r := startServer(t)
	r.answer("ACL", "SETUSER", "some", "on", ">x", "allkeys", "allcommands", "resetchannels", "&framerail:*:rooms*")
	b := r.broker()
	b.Client.Username, b.Client.Password = "some", "x"
	n := run(t, b)
	for _, names := range [][]string{{"secret", "rooms.1"}, {"secret"}, {"secret"}, {"secret.*"}, {"secret.*"}} {
		if err := b.Interest(t.Context(), names, nil); err == nil || !strings.Contains(err.Error(), "NOPERM") {
			t.Errorf("%q: %v", names, err)
		}
	}
	if left := r.answer("PUBSUB", "SHARDCHANNELS"); strings.Contains(left, "rooms.1") || strings.Contains(left, "secret") {
		t.Errorf("of batches that were refused, this is subscribed still: %q", left)
	}
	n.interest("rooms.1", "rooms.2.*")
	other := run(t, r.broker())
	other.publish("rooms.1", topics.History{}, "1")
	other.publish("rooms.2.x", topics.History{}, "2")
	wait(t, "both arrive", func() bool { return len(n.received()) == 2 })
}

// A batch that one server of a cluster refuses has ended its patterns, or ends them when it is given again: at each server, whichever
// was asked before the refusal.
func TestInterest_PatternsOfARefusedBatchEnd(t *testing.T) {
	servers, addrs := startCluster(t, 3)
	for _, r := range servers {
		r.answer("ACL", "SETUSER", "some", "on", ">x", "allkeys", "allcommands", "resetchannels", "&framerail:*:rooms*")
	}
	b := &Broker{Client: rueidis.ClientOption{InitAddress: addrs, Username: "some", Password: "x", ConnWriteTimeout: patience}}
	n := run(t, b)
	n.interest("rooms.*", "rooms.>")
	s := b.session.Load()
	secret := "secret"
	for s.links[partition(secret)] != s.all[0] { // the other servers are not asked
		secret += "x"
	}
	off := []string{"rooms.*", "rooms.>"}
	if err := b.Interest(t.Context(), []string{secret}, off); err == nil || !strings.Contains(err.Error(), "NOPERM") {
		t.Errorf("%v", err)
	}
	if err := b.Interest(t.Context(), nil, off); err != nil {
		t.Error(err)
	}
	for i, r := range servers {
		if left := r.answer("PUBSUB", "SHARDCHANNELS"); left != "[]" {
			t.Errorf("server %d has %d bytes of channels still: %.100s", i, len(left), left)
		}
	}

	// What has ended begins again, on all of them.
	if err := b.Interest(t.Context(), []string{secret, "rooms.*"}, nil); err == nil {
		t.Error("not refused")
	}
	n.interest("rooms.*")
	other := run(t, &Broker{Client: rueidis.ClientOption{InitAddress: addrs, ConnWriteTimeout: patience}})
	for i := range 50 { // in all partitions, nearly
		other.publish(fmt.Sprint("rooms.", i), topics.History{}, "x")
	}
	wait(t, "all arrive", func() bool { return len(n.received()) == 50 })
}

// A channel that the server refuses to end is not taken to have ended by the program's will, when its slot moves later.
func TestInterest_AnEndThatIsRefused(t *testing.T) {
	r := startServer(t)
	r.answer("ACL", "SETUSER", "some", "on", ">x", "allkeys", "allchannels", "allcommands", "-sunsubscribe")
	b := r.broker()
	b.Client.Username, b.Client.Password = "some", "x"
	n := run(t, b)
	n.interest("room")
	if err := b.Interest(t.Context(), nil, []string{"room"}); err == nil || !strings.Contains(err.Error(), "NOPERM") {
		t.Errorf("%v", err)
	}
	if s := b.session.Load(); s.interest.hasLeft(s.name(partition("room"), kindTopic, "room")) {
		t.Error("its end is expected")
	}
	n.publish("room", topics.History{}, "1")
	wait(t, "what is on still arrives", func() bool { return len(n.received()) == 1 })
}
