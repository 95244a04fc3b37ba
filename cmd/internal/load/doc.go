// Package load puts a WebSocket server under load and measures what it bears.
//
// # Echoes
//
// By default each connection sends messages that the server has to send back. Every echo is
// verified: its type, its length, its sequence number and its checksum. So a wrong byte, a lost
// message and one that comes twice are counted, and not only what is slow.
//
// # Closed and open loops
//
// Without a rate a connection sends its next message when an answer comes. A server that stops for
// a second is then asked nothing for that second, so the second counts once. With a rate each
// message has a time at which it is due. Its latency counts from then, also if it could leave only
// later. So a stall counts for every message that was due in it (coordinated omission).
//
// # Concurrency
//
// Each [client.Client] has one event loop and is a shard: its connections, its random numbers and
// its counters. One mutex guards a shard. Callbacks of the loop take it, the pacer takes it, and
// the clock that ends an interval.
//
// [client.Client]: https://pkg.go.dev/github.com/framerail/framerail/client#Client
package load
