// Package phase is what comes before a connection is open. Each phase is a row of a [Table] and has a
// file of its own:
//
//	proxyheader.go  the PROXY header arrives
//	tls.go          the TLS handshake goes on; tlsqueue.go says when one gets a goroutine
//	request.go      the request arrives, and is decided on
//	check.go        the program is asked about it on a goroutine
//	leaving.go      the client was refused, and may read its answer
//
// newcomer.go is the way into the table, from the gate or from net/http. unopened.go bounds the memory
// that clients hold before their connection is open.
//
// # The owner
//
// A table belongs to an owner, such as a server, which is not known here. The owner hands in values: a
// Policy, the gate, the budget, the platform. Where it has to decide or to know of something, it hands in
// a small interface: see Judge, Handover, Proxies, Sessions, Report and Work. Messages of open connections
// pass none of them.
//
// # A further phase
//
// A phase is a constant, a type with the six methods of loop.Row, and its line in New. It begins with
// Tenant.Enter. The rows share what the Table has: read buffers, the pool for what is incomplete, watch,
// drop and refuse. A row that needs no Judge, such as a client's, uses none.
//
// # Ownership
//
// A Table belongs to its loop's goroutine, except Deliver, Ask, Command and the Counters, which are for
// any goroutine.
package phase
