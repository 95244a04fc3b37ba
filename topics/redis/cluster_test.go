package redis

import (
	"fmt"
	"net"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/redis/rueidis"

	"github.com/framerail/framerail/internal/test/port"
	"github.com/framerail/framerail/topics"
)

// startCluster starts primaries on loopback, with the slots spread evenly.
func startCluster(t *testing.T, primaries int) (servers []*redisServer, addrs []string) {
	t.Helper()
	for range primaries {
		own, bus := freePort(t), freePort(t)
		r := startServer(t, "--port", own, "--bind", "127.0.0.1", "--cluster-enabled", "yes", "--cluster-port", bus,
			"--cluster-node-timeout", "30000")
		servers, addrs = append(servers, r), append(addrs, net.JoinHostPort("127.0.0.1", own))
	}
	for i, r := range servers {
		first, last := 16384*i/primaries, 16384*(i+1)/primaries-1
		if got := r.answer("CLUSTER", "ADDSLOTSRANGE", strconv.Itoa(first), strconv.Itoa(last)); got != "OK" {
			t.Fatal(got)
		}
		if i == 0 {
			continue
		}
		_, of, _ := net.SplitHostPort(addrs[0])
		if got := r.answer("CLUSTER", "MEET", "127.0.0.1", of, servers[0].args[7]); got != "OK" {
			t.Fatal(got)
		}
	}
	for _, r := range servers {
		wait(t, "the cluster is up", func() bool {
			info := r.answer("CLUSTER", "INFO")
			return strings.Contains(info, "cluster_state:ok") && strings.Contains(info, fmt.Sprint("cluster_known_nodes:", primaries)) &&
				strings.Contains(info, "cluster_slots_ok:16384")
		})
	}
	return servers, addrs
}

// freePort is one that nothing listens to.
func freePort(t *testing.T) string {
	t.Helper()
	_, number, _ := net.SplitHostPort(port.Free(t))
	return number
}

func TestCluster(t *testing.T) {
	servers, addrs := startCluster(t, 3)
	client := rueidis.ClientOption{InitAddress: addrs, ConnWriteTimeout: patience}
	a, b := run(t, &Broker{Client: client}), run(t, &Broker{Client: client})
	if s := a.broker.session.Load(); !s.isCluster || len(s.all) != 3 {
		t.Fatalf("%d servers, a cluster: %v", len(s.all), s.isCluster)
	}

	var names []string
	for i := range 200 {
		names = append(names, fmt.Sprintf("rooms.%d.chat", i))
	}
	a.interest(names...)
	a.interest("rooms.*.chat", "rooms.>", ">") // a message comes once all the same
	keep := topics.History{Messages: 10}
	at := a.position(names[7], keep)
	var ms []topics.Packet
	for i := range 1000 {
		ms = append(ms, topics.Packet{Topic: names[i%len(names)], Data: strconv.AppendInt(nil, int64(i), 10), Keep: keep})
	}
	if taken, err := b.broker.Publish(t.Context(), ms); taken != len(ms) || err != nil {
		t.Fatal(taken, err)
	}
	wait(t, "all has come", func() bool { return len(a.received()) >= len(ms) })
	b.publish("elsewhere", topics.History{}, "a pattern's")
	wait(t, "the pattern's has come", func() bool { return len(a.received()) > len(ms) })
	got := a.received()
	if len(got) != len(ms)+1 {
		t.Errorf("received %d messages", len(got))
	}
	of := map[string][]string{}
	for _, p := range got {
		of[p.Topic] = append(of[p.Topic], string(p.Data))
	}
	for i, name := range names {
		var want []string
		for n := i; n < len(ms); n += len(names) {
			want = append(want, strconv.Itoa(n))
		}
		if !slices.Equal(of[name], want) {
			t.Errorf("%s: %q", name, of[name])
		}
	}
	if missed, _, err := b.since(names[7], keep, at); !slices.Equal(missed, []string{"7", "207", "407", "607", "807"}) || err != nil {
		t.Error(missed, err)
	}

	// A slot that moves takes its subscriptions away. Run ends, and the next one finds it.
	p := partition(names[7])
	slot := strconv.Itoa(int(crc16(tags()[p])) % 16384)
	to := servers[(p*3/partitions+1)%3].answer("CLUSTER", "MYID")
	for _, key := range strings.Fields(strings.Trim(servers[p*3/partitions].answer("CLUSTER", "GETKEYSINSLOT", slot, "1000"), "[]")) {
		servers[p*3/partitions].answer("DEL", key)
	}
	for _, r := range servers {
		if got := r.answer("CLUSTER", "SETSLOT", slot, "NODE", to); got != "OK" {
			t.Fatal(got)
		}
	}
	if err := a.end(); err == nil {
		t.Error("Run returned nothing")
	}
	if _, err := b.broker.Publish(t.Context(), []topics.Packet{{Topic: names[7]}}); err == nil {
		t.Error("published to a server that has not the slot any more")
	}
	b.end()
	a.run()
	b.run()
	a.interest(names[7])
	b.publish(names[7], keep, "after the move")
	wait(t, "the message has come", func() bool { return slices.Contains(a.texts(), names[7]+" after the move") })
}
