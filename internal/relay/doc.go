// Package relay lets an event loop serve any net.Conn, on any system. A [Conn] is a transport over a net.Conn.
// It looks like a socket that does not block. Goroutines carry its bytes. A [Poller] reports which Conns are
// ready, beside the descriptors of a poller of the system's, if there is one.
//
// # Goroutines
//
// One goroutine reads from a net.Conn, from when a poller begins to watch the Conn. It reads into a buffer of
// 512 bytes, since nothing else can wait for a net.Conn. Between two reads it may end: if the loop does not
// take what has come, nothing is read. A large buffer is lent once two reads in a row were full and the
// second did not wait, while memory is ample. No pool lends one before the connection is open: net/http may get the connection then, and keep it silent.
//
// A second goroutine writes. It lives while there are bytes to write, and closes the net.Conn at the end.
// Close and Write of a net.Conn may block, so that no loop calls them.
//
// # Memory
//
// What waits to be written is in buffers of the loop's pool, as the large buffer is. So the loop's budget bounds them: it
// counts them, and a connection that is to give memory back counts as holding them. The 512 bytes are a part of the Conn.
//
// # Numbers
//
// A Conn has a number in place of a descriptor, which is below -1. Pollers and the loops know a Conn by it.
//
// # Locks
//
// The mu of a Conn comes behind that of session.Conn and that of secure.Transport. While it is held only these are taken: that
// of a Poller, of the table of numbers, of the shelves of package buffer, and of the memory budget.
package relay
