package redis

import (
	"fmt"
	"slices"
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
	if taken != 0 || err == nil || !strings.Contains(err.Error(), "OOM") {
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

// A message for which the server has no memory left is refused with all of its topic behind it, also if one of those would first drop older
// ones. What is kept stays, and is counted.
func TestPublish_NothingBehindARefusedMessageIsTaken(t *testing.T) {
	r := startServer(t)
	n, keep := run(t, r.broker()), topics.History{Messages: 10, Bytes: 20}
	n.interest("room")
	start := n.position("room", keep)
	n.publish("room", keep, "aaaaaaaaa", "bbbbbbbbb")
	r.answer("CONFIG", "SET", "maxmemory", "1")
	for range 3 { // as Topics tries it
		batch := []topics.Packet{
			{Topic: "room", Data: []byte("1"), Keep: keep},
			{Topic: "room", Data: []byte(strings.Repeat("2", 15)), Keep: keep},
			{Topic: "begins", Data: []byte("3"), Keep: keep},
			{Topic: "room", Data: []byte("4")},
		}
		if taken, err := n.broker.Publish(t.Context(), batch); taken != 0 || err == nil {
			t.Errorf("%d are taken: %v", taken, err)
		}
	}
	if texts, at, err := n.since("room", keep, start); err != nil || at.Offset != 2 || !slices.Equal(texts, []string{"aaaaaaaaa", "bbbbbbbbb"}) {
		t.Errorf("%q at %v, %v", texts, at, err)
	}
	if at := n.position("begins", keep); at.Offset != 0 {
		t.Errorf("the topic that begins is at %v", at)
	}
	r.answer("CONFIG", "SET", "maxmemory", "0")
	n.publish("room", keep, "cc", "d")
	at := topics.Position{Epoch: start.Epoch, Offset: 1}
	if texts, _, err := n.since("room", keep, at); err != nil || !slices.Equal(texts, []string{"bbbbbbbbb", "cc", "d"}) {
		t.Errorf("%q, %v", texts, err)
	}
	n.expect("room aaaaaaaaa", "room bbbbbbbbb", "room cc", "room d")
}

// A server that takes no writes, as when its disk is full or its replicas are gone, keeps nothing more. It still carries what nobody
// keeps, and says what it has.
func TestRun_OutlivesAServerThatTakesNoWrites(t *testing.T) {
	r := startServer(t)
	n, keep := run(t, r.broker()), topics.History{Messages: 10}
	n.interest("room", "plain", "*")
	start := n.position("room", keep)
	n.publish("room", keep, "1")
	if got := r.answer("CONFIG", "SET", "min-replicas-to-write", "1"); got != "OK" {
		t.Fatal(got)
	}
	for range 3 {
		batch := []topics.Packet{{Topic: "plain", Data: []byte("2")}, {Topic: "room", Data: []byte("3"), Keep: keep}, {Topic: "room", Data: []byte("4")}}
		if taken, err := n.broker.Publish(t.Context(), batch); taken != 1 || err == nil || !strings.Contains(err.Error(), "NOREPLICAS") {
			t.Errorf("%d are taken: %v", taken, err)
		}
		if texts, at, err := n.since("room", keep, start); err != nil || at.Offset != 1 || !slices.Equal(texts, []string{"1"}) {
			t.Errorf("%q at %v, %v", texts, at, err)
		}
		if _, _, err := n.since("new", keep, topics.Position{}); err == nil {
			t.Error("a topic begins at a server that writes nothing")
		}
		n.interest("other")
	}
	r.answer("CONFIG", "SET", "min-replicas-to-write", "0")
	n.publish("room", keep, "5")
	n.position("new", keep)
	n.expect("room 1", "plain 2", "plain 2", "plain 2", "room 5")
}

// A topic for which rights are missing, for its channel or for its keys, keeps out no message before it. Nothing of it is kept.
func TestPublish_WithoutRights(t *testing.T) {
	r := startServer(t)
	all := run(t, r.broker())
	keep := topics.History{Messages: 10}
	for i, rights := range [][]string{{"allkeys", "resetchannels", "&framerail:*:rooms*"}, {"allchannels", "resetkeys", "~framerail:*:rooms*"}} {
		user := fmt.Sprint("user", i)
		r.answer(append([]string{"ACL", "SETUSER", user, "on", ">x", "allcommands"}, rights...)...)
		for _, noPatterns := range []bool{false, true} {
			b := r.broker()
			b.Client.Username, b.Client.Password, b.NoPatterns = user, "x", noPatterns
			n := run(t, b)
			for range 3 {
				batch := []topics.Packet{{Topic: "rooms.1", Keep: keep}, {Topic: "rooms.2"}, {Topic: "secret", Keep: keep}, {Topic: "rooms.3", Keep: keep}}
				if taken, err := b.Publish(t.Context(), batch); taken != 2 || err == nil {
					t.Errorf("%v: %d are taken: %v", rights, taken, err)
				}
				if taken, err := b.Publish(t.Context(), batch[2:]); taken != 0 || err == nil {
					t.Errorf("%v: %d are taken: %v", rights, taken, err)
				}
			}
			n.publish("rooms.3", keep, "1", "2")
		}
	}
	if at := all.position("secret", keep); at.Offset != 0 {
		t.Errorf("what was refused is kept, or has a number: %v", at)
	}
}

// A message that may not go to a pattern is taken once, and the error says what is wrong.
func TestPublish_WithoutRightsForAPattern(t *testing.T) {
	r := startServer(t)
	r.answer("ACL", "SETUSER", "some", "on", ">x", "allcommands", "allkeys", "resetchannels", "&framerail:*c:*")
	b := r.broker()
	b.Client.Username, b.Client.Password = "some", "x"
	n, all, keep := run(t, b), run(t, r.broker()), topics.History{Messages: 10}
	start := all.position("a.b", keep)
	all.interest("a.b", "a.*")
	taken, err := b.Publish(t.Context(), []topics.Packet{{Topic: "a.b", Data: []byte("1"), Keep: keep}, {Topic: "a.b", Data: []byte("2")}})
	if taken != 2 || err == nil {
		t.Errorf("%d are taken: %v", taken, err)
	}
	if texts, _, err := all.since("a.b", keep, start); err != nil || !slices.Equal(texts, []string{"1"}) {
		t.Errorf("%q, %v", texts, err)
	}
	all.expect("a.b 1", "a.b 2")
	if texts, _, err := n.since("a.b", keep, start); err != nil || len(texts) != 1 {
		t.Errorf("%q, %v", texts, err)
	}
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

// A topic begins anew in another life of the server. What was kept in the former one is no hindrance, also if rights were missing
// when it began.
func TestPublish_BeginsAnewWithoutRights(t *testing.T) {
	r := startServer(t)
	all, keep := run(t, r.broker()), topics.History{Messages: 10}
	all.publish("room", keep, "1", "2", "3")
	s, err := all.broker.connected()
	if err != nil {
		t.Fatal(err)
	}
	r.answer("HSET", s.name(partition("room"), kindKnown, "room"), "server", "another")
	r.answer("ACL", "SETUSER", "some", "on", ">x", "allcommands", "allkeys", "allchannels", "-time")
	b := r.broker()
	b.Client.Username, b.Client.Password = "some", "x"
	n := run(t, b)
	if taken, err := b.Publish(t.Context(), []topics.Packet{{Topic: "room", Data: []byte("4"), Keep: keep}}); taken != 0 || err == nil {
		t.Errorf("%d are taken: %v", taken, err)
	}
	r.answer("ACL", "SETUSER", "some", "+time")
	n.publish("room", keep, "5")
	at := n.position("room", keep)
	at.Offset--
	if texts, _, err := n.since("room", keep, at); err != nil || !slices.Equal(texts, []string{"5"}) {
		t.Errorf("%q behind %v, %v", texts, at, err)
	}
}
