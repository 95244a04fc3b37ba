// Package redis lets the Topics of several processes be one, by way of Redis 7 or later, or of Valkey. It is a module
// of its own, so that the library does not depend on a client of Redis.
//
//	rooms := &topics.Topics{
//		Broker: &redis.Broker{Client: rueidis.ClientOption{InitAddress: []string{"10.0.0.7:6379"}}},
//	}
//
// Messages go over sharded pub/sub. A topic whose History keeps something has a stream: a script
// appends each message and publishes it in one step. So all nodes see one order and the same
// positions, and a client may come back to any of them.
//
// # Loss
//
// Redis sends a message once, to those who are connected. It closes the connection of a node that does not keep up:
// see client-output-buffer-limit. Run returns then, as it does when the network is cut or the server ends. Topics
// connects again, and asks for what was missed of topics with history.
//
// What Redis has confirmed may be gone after it was killed, or after a failover. So each life of a server
// begins new epochs, and positions of the one before are answered by ErrGap. [Broker.Durable] is for servers
// that lose nothing. A key that was evicted is noticed too. Better have maxmemory-policy noeviction: then Publish
// fails while there is no room, and what is kept stays.
//
// # Refusals
//
// A server refuses single commands when it lacks memory (OOM), room on its disk (MISCONF) or replicas (NOREPLICAS), and when rights
// are missing (NOPERM). The connection stays then, and carries what is not refused: messages that nobody keeps go to other
// nodes, and what is kept can be read. Of a topic, nothing is taken behind the first message that is refused. Topics tries it
// for three seconds, and then counts it as lost. With Sentinel, NOREPLICAS ends the connection, because another server may be
// the primary by then.
//
// # Memory in Redis
//
// A topic takes what its History keeps, in a stream. What is known of it, about 200 bytes, stays for [Broker.Retention]
// after its last use. Topics without history take no keys. Each topic that a node is interested in is a
// channel.
//
// # Patterns
//
// Sharded pub/sub has no patterns. So a message also goes to a channel for each prefix of its topic: "rooms.7.chat" has
// "rooms.7", "rooms" and the empty one. A node with "rooms.*.chat" hears all that begins with "rooms.", and
// drops what does not match. Better let patterns begin with what they are about. Prefixes
// have at most eight tokens. [Broker.NoPatterns] saves their cost.
//
// # Cluster
//
// Topics are spread over 64 hash tags, so up to 64 primaries share the work. A pattern takes 64 channels there,
// and one elsewhere. While slots move, nodes connect again. The topics in those slots begin new
// epochs.
//
// A node is connected to all primaries, or it counts as not connected. If one primary is lost, Run returns, and succeeds again when all
// slots have a primary. So the failover of one shard is an outage for all topics: until then, members of different nodes do not hear
// each other. Behind it, topics that keep nothing have a gap, and so have those of the shard that has failed. The others catch up.
//
// # Rights
//
// With the default Prefix a user needs these. Those of CLUSTER are only for a cluster:
//
//	ACL SETUSER topics on >secret resetkeys ~framerail:* resetchannels &framerail:* -@all
//		+hello +auth +ping +info +script|load +evalsha +time
//		+hmget +hset +del +pexpire +xadd +xdel +xlen +xrange
//		+spublish +ssubscribe +sunsubscribe +pubsub|shardnumsub
//		+cluster|slots +cluster|shards
//
// Anybody with access to these keys and channels can read and publish. Use TLS and a password where others reach the network.
//
// # Concurrency
//
// A Broker belongs to one Topics, which calls it. It keeps two connections to each server, and a third one to
// one of them.
package redis
