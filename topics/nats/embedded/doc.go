// Package embedded is a NATS server within the program, for package
// [github.com/framerail/framerail/topics/nats]. It is a module of its own, because the server is large.
// Three copies of a program become a cluster with nothing installed:
//
//	cluster := embedded.Server{
//		ClusterListen: "10.0.0.1:6222",
//		Routes:        []string{"10.0.0.2:6222", "10.0.0.3:6222"},
//		Secret:        os.Getenv("CLUSTER_SECRET"),
//	}
//	if err := cluster.Start(); err != nil {
//		log.Fatal(err)
//	}
//	defer cluster.Close()
//	rooms := topics.Topics{Broker: &nats.Broker{Options: cluster.Options()}}
//
// # Ports
//
// Without ClusterListen and Listen nothing listens: the program's own Broker connects within the process. The cluster
// port is on a loopback address unless the address says otherwise. Then Start wants [Server.TLS] or
// [Server.Secret], because another server that joins can read and publish everything. A secret crosses the
// network in clear text. TLS does not let it, and checks the certificates of both sides.
//
// NATS starts a cluster only with a client port. So with ClusterListen there is one, on a free port of a loopback
// address. It refuses every client that is not in the process.
//
// [Server.Listen] opens a port for clients of other processes. Neither Secret nor TLS holds there. Whoever reaches a loopback
// address may connect. On any other address Start wants [Server.Configure] to set who may: a password, users, keys, or
// certificates.
//
// # What is kept
//
// With StoreDir the server has JetStream, and a [github.com/framerail/framerail/topics/nats.Recorder] works. A stream is in the
// directory of one server, or of Replicas many. A cluster needs more than half of its servers to make or move a stream. So
// use three with Replicas 3, or one server with StoreDir and no cluster. The other processes then have no server of their own. Their
// Recorder's URL is the Listen address of that one.
//
// # When to run NATS apart
//
// A server in the program shares its memory, its processor time and its fate. Each deployment stops it. Run nats-server
// apart for any of these reasons:
//
//   - The program is restarted often, and what is kept must be there meanwhile.
//   - There are more than about five copies, or their number changes by itself: every server has a connection to every other.
//   - Machines that run the program have no disk that stays.
//   - Other programs use NATS too, or operators need its own tools, accounts and limits.
//
// Only the fields of Broker change then.
//
// # Shutdown
//
// Close ends the server, its connections and goroutines, and waits for them. Close the Topics first: they lose their broker.
package embedded
