package embedded_test

import (
	"crypto/tls"
	"errors"
	"log/slog"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/framerail/framerail/internal/test/port"
	"github.com/framerail/framerail/topics"
	"github.com/framerail/framerail/topics/nats"
	"github.com/framerail/framerail/topics/nats/embedded"
	"github.com/nats-io/nats-server/v2/server"
	client "github.com/nats-io/nats.go"
)

// start starts a server, and closes it at the end of the test.
func start(t *testing.T, s *embedded.Server) *embedded.Server {
	t.Helper()
	if s.Logger == nil {
		s.Logger = slog.New(slog.DiscardHandler)
	}
	t.Cleanup(s.Close)
	if err := s.Start(); err != nil {
		t.Fatal(err)
	}
	return s
}

// cluster starts servers of which all but the first know the first alone. change has the last word.
func cluster(t *testing.T, n int, change func(*embedded.Server)) (all []*embedded.Server) {
	t.Helper()
	for i := range n {
		s := &embedded.Server{Name: label(i), ClusterListen: ":0"}
		if i > 0 {
			s.Routes = []string{all[0].ClusterAddr().String()}
		}
		if change != nil {
			change(s)
		}
		all = append(all, start(t, s))
	}
	return all
}

// together waits until all servers are connected.
func together(t *testing.T, all []*embedded.Server) {
	t.Helper()
	for _, s := range all {
		eventually(t, "the servers are connected", func() bool { return s.Peers() == len(all)-1 })
	}
}

// hasHeard publishes until the other node has heard it: other servers learn of an interest a little later.
func hasHeard(t *testing.T, from, to *node, topic string) {
	t.Helper()
	to.interest(topic)
	eventually(t, "a message crosses the cluster", func() bool {
		from.publish(topic, topics.History{}, "x")
		return len(to.got(topic)) > 0
	})
}

func TestServer_ZeroValueIsForTheProcessAlone(t *testing.T) {
	s := start(t, &embedded.Server{})
	a, b := up(t, &nats.Broker{Options: s.Options()}), up(t, &nats.Broker{Options: s.Options()})
	b.interest("a")
	a.publish("a", topics.History{}, "1")
	b.hears("a", "1")
	if s.ClusterAddr() != nil || s.Peers() != 0 {
		t.Error("it listens for other servers")
	}
	if err := s.Start(); err == nil {
		t.Error("it was started twice")
	}
	s.Close()
	s.Close()
	for _, n := range []*node{a, b} {
		if err := n.over(); err == nil {
			t.Error("without a reason")
		}
	}
	if err := a.broker.Run(t.Context(), a); err == nil {
		t.Error("connected to a closed server")
	}
	if err := s.Start(); err != nil {
		t.Fatal(err)
	}
	a.run()
}

func configured(f func(*server.Options)) *embedded.Server { return &embedded.Server{Configure: f} }

func TestServer_RefusesToBeOpenToStrangers(t *testing.T) {
	for _, c := range []struct {
		name string
		s    *embedded.Server
		open bool
	}{
		{"a cluster port everywhere", &embedded.Server{ClusterListen: "0.0.0.0:0"}, true},
		{"on IPv6", &embedded.Server{ClusterListen: "[::]:0"}, true},
		{"on a name", &embedded.Server{ClusterListen: "example.com"}, true},
		{"by Configure", &embedded.Server{ClusterListen: ":0", Configure: func(o *server.Options) { o.Cluster.Host = "0.0.0.0" }}, true},
		{"a client port everywhere", &embedded.Server{Listen: "0.0.0.0:0"}, true},
		{"beside a cluster with a secret", &embedded.Server{ClusterListen: ":0", Secret: "s", Listen: "0.0.0.0:0"}, true},
		{"a port for leaf nodes", configured(func(o *server.Options) { o.LeafNode.Port = -1 }), true},
		{"a port for gateways", configured(func(o *server.Options) { o.Gateway.Name, o.Gateway.Host, o.Gateway.Port = "g", "0.0.0.0", -1 }), true},
		{"a port for WebSocket", configured(func(o *server.Options) { o.Websocket.Port, o.Websocket.NoTLS = -1, true }), true},
		{"a port for monitoring", configured(func(o *server.Options) { o.HTTPHost, o.HTTPPort = "0.0.0.0", -1 }), true},
		{"monitoring on a loopback address", configured(func(o *server.Options) { o.HTTPHost, o.HTTPPort = "127.0.0.1", -1 }), false},
		{"with a secret", &embedded.Server{ClusterListen: "0.0.0.0:0", Secret: "s"}, false},
		{"with users", &embedded.Server{Listen: "0.0.0.0:0", Configure: func(o *server.Options) { o.Authorization = "token" }}, false},
		{"on a loopback address", &embedded.Server{ClusterListen: ":0", Listen: "localhost:0"}, false},
	} {
		c.s.Logger = slog.New(slog.DiscardHandler)
		err := c.s.Start()
		c.s.Close()
		if errors.Is(err, embedded.ErrOpen) != c.open || !c.open && err != nil {
			t.Errorf("%s: %v", c.name, err)
		}
	}
	for what, s := range map[string]*embedded.Server{
		"RootCAs":       {ClusterListen: ":0", TLS: new(tls.Config)},
		"ClusterListen": {Routes: []string{"127.0.0.1:1"}},
		"not a port":    {ClusterListen: "127.0.0.1:port"},
		"address":       {ClusterListen: ":0", Routes: []string{"a:b:c"}},
	} {
		if err := s.Start(); err == nil || !strings.Contains(err.Error(), what) {
			t.Errorf("%v, want a word about %s", err, what)
			s.Close()
		}
	}
}

func TestServer_SaysWhyItDoesNotStart(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	for _, s := range []*embedded.Server{{ClusterListen: ln.Addr().String()}, {Listen: ln.Addr().String()}} {
		s.Logger = slog.New(slog.DiscardHandler)
		if err := s.Start(); err == nil || !strings.Contains(err.Error(), "address already in use") {
			t.Error(err)
			s.Close()
		}
	}
}

// A cluster has a port for clients, since NATS wants one. Nobody can use it.
func TestServer_ClusterHasNoClientsFromOutside(t *testing.T) {
	addr := port.Free(t)
	_, number, _ := net.SplitHostPort(addr)
	s := start(t, &embedded.Server{ClusterListen: ":0", Configure: func(o *server.Options) { o.Port = atoi(t, number) }})
	if nc, err := client.Connect("nats://"+addr, client.NoReconnect(), client.Timeout(long)); !errors.Is(err, client.ErrAuthorization) {
		t.Error("a stranger is connected: ", err)
		nc.Close()
	}
	up(t, &nats.Broker{Options: s.Options()})

	open := start(t, &embedded.Server{Listen: port.Free(t)})
	up(t, &nats.Broker{URL: "nats://" + open.Listen})
}

func TestServer_ThreeMakeACluster(t *testing.T) {
	all := cluster(t, 3, nil)
	together(t, all)
	var nodes []*node
	for _, s := range all {
		nodes = append(nodes, up(t, &nats.Broker{Options: s.Options()}))
	}
	for i, n := range nodes {
		hasHeard(t, nodes[(i+1)%3], n, label(i))
	}
	all[0].Close()
	_ = nodes[0].over()
	hasHeard(t, nodes[1], nodes[2], "without.the.first")
	all[0].ClusterListen = port.Free(t)
	all[0].Routes = []string{all[1].ClusterAddr().String()}
	if err := all[0].Start(); err != nil {
		t.Fatal(err)
	}
	nodes[0].run()
	hasHeard(t, nodes[2], nodes[0], "with.the.first.again")
}

// Only those that know the secret, or have a certificate, join.
func TestServer_StrangersDoNotJoin(t *testing.T) {
	t.Parallel() // it waits, mostly
	secret := cluster(t, 2, func(s *embedded.Server) { s.Secret = "secret / with : everything @ in it" })
	ours, theirs := certificate(t), certificate(t)
	over := cluster(t, 2, func(s *embedded.Server) { s.TLS = ours })
	together(t, secret)
	together(t, over)
	strangers := []*embedded.Server{
		{ClusterListen: ":0", Routes: []string{secret[0].ClusterAddr().String()}},
		{ClusterListen: ":0", Routes: []string{secret[0].ClusterAddr().String()}, Secret: "another"},
		{ClusterListen: ":0", Routes: []string{over[0].ClusterAddr().String()}},
		{ClusterListen: ":0", Routes: []string{over[0].ClusterAddr().String()}, TLS: theirs},
	}
	for _, s := range strangers {
		start(t, s)
	}
	// What has the secret joins meanwhile.
	start(t, &embedded.Server{ClusterListen: ":0", Routes: []string{secret[0].ClusterAddr().String()}, Secret: secret[0].Secret})
	start(t, &embedded.Server{ClusterListen: ":0", Routes: []string{over[0].ClusterAddr().String()}, TLS: ours})
	eventually(t, "the third ones join", func() bool { return secret[0].Peers() == 2 && over[0].Peers() == 2 })
	time.Sleep(500 * time.Millisecond) // for more attempts of the strangers
	for _, s := range strangers {
		if n := s.Peers(); n != 0 {
			t.Errorf("a stranger has %d peers", n)
		}
	}
	if a, b := secret[0].Peers(), over[0].Peers(); a != 2 || b != 2 {
		t.Errorf("%d and %d peers", a, b)
	}
}

// A server confirms an interest before others of its cluster know of it. What is published there at once
// must not be lost.
func TestServer_InterestIsKnownInTheWholeCluster(t *testing.T) {
	all := cluster(t, 3, nil)
	together(t, all)
	var nodes []*node
	for _, s := range all {
		nodes = append(nodes, up(t, &nats.Broker{Options: s.Options()}))
	}
	for i := range 12 { // until they know each other, which may be a little later than they are up
		hasHeard(t, nodes[i%3], nodes[(i+1+i%2)%3], "known."+label(i))
	}
	for i := range 100 {
		from, to := nodes[i%3], nodes[(i+1+i%2)%3]
		to.interest(label(i))
		from.publish(label(i), topics.History{}, "1")
		to.hears(label(i), "1")
	}
	nodes[0].stop() // its server has no node any more, which does not answer
	nodes[1].interest("late")
	nodes[2].publish("late", topics.History{}, "1")
	nodes[1].hears("late", "1")
}
