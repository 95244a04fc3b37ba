package client

import (
	"sync/atomic"

	"github.com/framerail/framerail/conn"
	"github.com/framerail/framerail/internal/callbacks"
	"github.com/framerail/framerail/internal/session"
)

// counters are what a client counts besides what its loops do.
type counters struct {
	dials, failed atomic.Uint64
	relayed       atomic.Int64 // connections that could not move to a loop
}

// Stats has a client's counters and gauges. Counters only grow. They begin with 0 at the first Dial, and
// stay after Close. With EventLoops the figures of loops are the server's alone, which has Buffers,
// BufferBytes, Timers and SlowCallbacks for all connections there. They are 0 here then. encoding/json can
// marshal a Stats.
type Stats struct {
	// Dials counts dials that have ended, and FailedDials those of them that failed.
	Dials, FailedDials uint64
	// Relayed counts connections whose bytes goroutines carry. See Client.Transport.
	Relayed uint64
	// Opened counts connections whose opening handshake was done. Closed counts those of them whose
	// socket is closed.
	Opened, Closed uint64
	// Received and Sent are the traffic each way. Bytes of opening handshakes are not among them.
	Received, Sent conn.Traffic
	// Pending is how many bytes of frames wait for sockets now.
	Pending int64
	// Unsent counts bytes of frames that were pending when their connection closed, and are lost.
	Unsent uint64
	// Overflows counts messages that did not fit into MaxPending.
	Overflows conn.Overflows
	// Panics counts callbacks that panicked or called runtime.Goexit.
	Panics uint64
	// Closes counts the connections in Closed by the side that began to close and by the code. An
	// entry that would be 0 is missing, here and in Causes.
	Closes map[conn.CloseKind]uint64
	// Causes counts the same connections by the cause of their end, such as "idle". The names are those
	// of Cause in package server.
	Causes map[string]uint64
	// Expired counts connections that were closed because of MaxLifetime.
	Expired uint64
	// Buffers is how many pooled buffers are lent now. BufferBytes is their size, with all that
	// connections hold for what waits to be sent. MaxBuffers bounds it.
	Buffers, BufferBytes int64
	// Timers is how many timers are set now, those of conn.Conn.AfterFunc included.
	Timers int
	// SlowCallbacks counts callbacks that held a loop for longer than Client.SlowCallback.
	SlowCallbacks uint64
}

// Stats returns a snapshot of the client's counters. It does not stop the loops, and takes no lock of a
// connection, so it costs little. Counts of messages are those at the end of a loop's last turn.
func (c *Client) Stats() (st Stats) {
	c.mu.Lock()
	run := c.run
	c.mu.Unlock()
	if run == nil {
		return st
	}
	st.Dials, st.FailedDials, st.Relayed = run.dials.Load(), run.failed.Load(), uint64(run.relayed.Load())
	var sum session.Counters
	for _, ts := range run.loops {
		account := ts.account.Load()
		if account == nil { // no connection has come to this loop of a server's
			continue
		}
		open := account.Counters()
		sum.Add(&open)
		st.Expired += account.Expired()
		if run.isShared {
			continue
		}
		of := ts.Stats()
		st.Buffers += of.Buffers
		st.BufferBytes += of.BufferBytes
		st.Timers += of.Timers
		st.SlowCallbacks += of.Lag.SlowCallbacks
	}
	st.show(&sum)
	return st
}

// show translates counters of connections into the public form.
func (st *Stats) show(c *session.Counters) {
	st.Opened, st.Closed = c.Opened, c.Closed
	st.Received, st.Sent = callbacks.Traffic(&c.Received), callbacks.Traffic(&c.Sent)
	st.Pending, st.Unsent, st.Panics = c.Pending, c.Unsent, c.Panics
	st.Overflows = conn.Overflows(c.Overflows)
	st.Closes, st.Causes = callbacks.Closes(&c.Closes), make(map[string]uint64)
	for cause, n := range c.Causes.All() {
		st.Causes[string(cause)] = n
	}
}
