// Package nats joins the topics of several processes over NATS. It is a module of its own, so that
// the library does not depend on the client of NATS.
//
//	rooms := topics.Topics{Broker: &nats.Broker{URL: "nats://10.0.0.5:4222"}}
//
// [Broker] needs a NATS server and nothing else. [Recorder] keeps messages too, with JetStream: a client
// that comes back to another node, or after a restart of all of them, gets what it missed:
//
//	rooms.Broker = &nats.Recorder{Broker: nats.Broker{URL: "nats://10.0.0.5:4222"}}
//
// Package [github.com/framerail/framerail/topics/nats/embedded] is a NATS server within the program.
//
// # Subjects
//
// A topic is the subject of its name behind [Broker.Prefix]: "framerail.rooms.7". A topic or pattern is one
// subscription, however many members it has. What is to be kept is published to "framerail-kept.rooms.7",
// which the stream stores, and republishes as "framerail.rooms.7" with its number. An account needs the right to
// publish and subscribe to both, to "framerail-probe" and "_INBOX.>", and for a Recorder to publish to "$JS.API.>" and
// subscribe to "$JS.EVENT.ADVISORY.STREAM.>". Whoever has these rights is trusted: what it publishes counts as a node's.
//
// A name of more than 3 KiB is refused, and so is a message of more than the server's max_payload, which is 1 MiB by
// default. So is a topic for which rights are missing. Such a topic is only of its node. Topics counts the messages as lost. The
// connection stays, and carries the others.
//
// # Delivery
//
// NATS delivers at most once. A server drops what a slow client does not read, and what a broken
// route between servers had on its way, and says nothing. Topics numbers messages and notices. A node that falls
// behind [Broker.MaxInbox] has a gap, and its members are informed.
//
// An interest is confirmed by the server of the node, and in a cluster by all servers that have nodes: one node at
// each answers a probe. A server that does not answer for a second counts as gone. A node that has connected to another
// server within the last 100 milliseconds may not be known. Between clusters that are joined by gateways there are no probes.
//
// Run ends when the connection is lost, and Topics calls it again. A lost network is noticed
// after 20 seconds without an answer at most, by default: nats.PingInterval and nats.MaxPingsOutstanding are 10 seconds and 1.
//
// # What is kept
//
// All topics share one stream. A stream has one limit of messages for each topic, one age, and one size. A new one keeps 1,000
// messages of each topic for [Recorder.MaxAge]. Both limits grow when a topic's History asks for more. Since gives only what the History
// allows. These are the differences to the memory of a process:
//
//   - [topics.History].Bytes is no limit of the stream, which has [Recorder.MaxBytes] for all topics.
//
//   - A topic without Age keeps its messages up to [Recorder.MaxAge].
//
//   - The oldest messages of all topics go first when the stream is full.
//
//   - A position of a topic without messages can be too old, when the stream has lost messages behind it. Nobody
//     knows then whether they were of that topic.
//
//   - The sequence counts messages of all topics. So a node that is new to a topic may begin with fewer of its
//     older messages than the topic keeps: see [topics.Topics.Kept].
//
// A position is a sequence of the stream. Its epoch is made of the stream's name and of the time of its creation. So a stream
// that was deleted, or a server that comes back without its files, begins another epoch, and Since
// fails with [topics.ErrGap]. A stream of a Recorder refuses to be purged, and to have single messages deleted. NATS
// syncs files every two minutes by default. A machine that loses power can give numbers twice
// after that, unless the server has sync_interval: always.
//
// A message is stored once, also when it is published again because its confirmation was lost: the stream
// tells it by a hash for two minutes.
//
// # Order
//
// Messages are sent in bursts, and stored in the order in which they were published. A stream that has no leader refuses a
// burst, which is sent again for up to ten seconds. In a cluster each burst waits for the confirmation of its first message. So a stream
// that gets its leader while a burst is on its way stores all of it, or nothing.
//
// JetStream cannot be asked to take nothing behind a message that it did not take. So one message of a burst may be missing, and those behind
// it be stored, in three cases: the stream loses its leader and gets another one within the milliseconds of one burst, a server dies
// with the message in it while others reach the next leader, or too many messages wait for the stream (error 429). The
// message is sent again, is stored behind those, and comes to nobody. Topics tells members of a gap where it was missing.
//
// # Memory
//
// A subscription takes about 330 bytes in the client, and some hundred bytes in the server. What
// waits for the Topics is bounded by MaxInbox.
package nats
