package server

import (
	"reflect"

	"github.com/framerail/framerail/internal/phase"
)

// Stats has a server's counters and gauges. Counters only grow. They begin with 0 when the server starts,
// and stay after it has ended. encoding/json can marshal a Stats.
type Stats struct {
	// LoopStats has the sums over Loops. Its Panics also count those of Check, and its Expired also
	// counts connections of the Handler.
	LoopStats

	// Refused counts accepted connections that never became a WebSocket, by reason. A reason that did
	// not occur is missing.
	//
	// Accepted is the sum of Opened, HandedOver, all of Refused, and the connections whose request is
	// still awaited. A connection whose requests at the Handler are followed by a handshake counts
	// once more then.
	Refused map[Reason]uint64

	// Stalled counts connections of the Handler that were cut. Their client did not read its answer
	// for WriteTimeout, or did not send the content of its request for BodyTimeout.
	Stalled uint64

	// Drained counts connections that Shutdown has sent a Close frame. With Leaving it tells how far
	// a shutdown is.
	Drained uint64

	// Paced counts connections that had to wait for HandshakesPerSecond.
	Paced uint64

	// Loops are the event loops one by one.
	Loops []LoopStats
}

// LoopStats has the counters of one event loop.
type LoopStats struct {
	// Opened counts connections whose opening handshake was done. Closed counts those of them whose
	// socket is closed. The difference is Clients.
	Opened, Closed uint64
	// Received and Sent are the traffic each way.
	Received, Sent Traffic
	// Pending is how many bytes of frames wait for sockets now.
	Pending int64
	// Unsent counts bytes of frames that were pending when their connection closed, and are lost.
	Unsent uint64
	// Overflows counts messages that did not fit into MaxPending.
	Overflows Overflows
	// Panics counts callbacks that panicked or called runtime.Goexit.
	Panics uint64
	// Closes counts the connections in Closed by the side that began to close and by the code. An
	// entry that would be 0 is missing, here and in Causes.
	Closes map[CloseKind]uint64
	// Causes counts the same connections by the cause of their end.
	Causes map[Cause]uint64

	// Accepted counts all connections that were accepted or came by Upgrade.
	Accepted uint64
	// HandedOver counts connections that were given to the Handler.
	HandedOver uint64

	// TLS counts TLS handshakes.
	TLS TLSCounts

	// ChecksWaited counts handshakes that had to wait for MaxChecks.
	ChecksWaited uint64

	// Expired counts connections that were closed because of MaxLifetime.
	Expired uint64

	// Clients is how many connections are open now.
	Clients int64
	// Buffers is how many pooled buffers are lent now. BufferBytes is their size, with all
	// that connections hold for what waits to be sent.
	Buffers, BufferBytes int64
	// Timers is how many timers are set now, those of conn.Conn.AfterFunc included.
	Timers int

	// Lag has the lengths of the loop's turns.
	Lag Lag
}

// Stats returns a snapshot of the server's counters. It does not stop the loops, and takes no lock of a
// connection, so it costs little. Counts of messages are those at the end of a loop's last turn. Figures
// of one snapshot may differ by events that happened while it was taken.
func (s *Server) Stats() Stats {
	s.mu.Lock()
	run := s.run
	s.mu.Unlock()
	st := Stats{Refused: make(map[Reason]uint64)}
	if run == nil {
		return st
	}
	for _, l := range run.loops {
		ls, drained := statsOf(l)
		st.Drained += drained
		st.Loops = append(st.Loops, ls)
		st.LoopStats.add(&ls)
	}
	st.Paced = run.gate.Paced()
	st.Panics += run.panics.Load()
	st.Expired += run.nethttp.Expired.Load()
	st.Stalled = run.nethttp.Stalled.Load()
	for i := range run.refused {
		if n := run.refused[i].Load(); n > 0 {
			st.Refused[Reason(i)] = n
		}
	}
	return st
}

// TLSCounts counts TLS handshakes. Failed ones are in Stats.Refused.
type TLSCounts struct {
	Done    uint64 // handshakes that succeeded
	Resumed uint64 // those of Done that resumed an earlier session
	Waited  uint64 // handshakes that had to wait for MaxTLSHandshakes
}

// add adds o to t, field by field. Of Lag.Recent, which is a maximum, it takes the larger.
func (t *LoopStats) add(o *LoopStats) {
	recent := max(t.Lag.Recent, o.Lag.Recent)
	addValue(reflect.ValueOf(t).Elem(), reflect.ValueOf(o).Elem())
	t.Lag.Recent = recent
}

// addValue adds the numbers in src to those in dst.
func addValue(dst, src reflect.Value) {
	switch dst.Kind() {
	case reflect.Uint64:
		dst.SetUint(dst.Uint() + src.Uint())
	case reflect.Int, reflect.Int64:
		dst.SetInt(dst.Int() + src.Int())
	case reflect.Struct:
		for i := range dst.NumField() {
			addValue(dst.Field(i), src.Field(i))
		}
	case reflect.Array:
		for i := range dst.Len() {
			addValue(dst.Index(i), src.Index(i))
		}
	case reflect.Map:
		if dst.IsNil() {
			dst.Set(reflect.MakeMap(dst.Type()))
		}
		for key, n := range src.Seq2() {
			sum := reflect.New(n.Type()).Elem()
			sum.Set(n)
			if was := dst.MapIndex(key); was.IsValid() {
				addValue(sum, was)
			}
			dst.SetMapIndex(key, sum)
		}
	default:
		panic("framerail: a counter that cannot be added: " + dst.Type().String())
	}
}

// statsOf is a snapshot of a loop. From any goroutine.
func statsOf(l *phase.Table) (st LoopStats, drained uint64) {
	of, open, before := l.Stats(), l.Account.Counters(), &l.Counters
	st.Timers, st.Lag, st.Expired = of.Timers, Lag(of.Lag), l.Account.Expired()
	st.show(&open)
	st.Clients = int64(st.Opened - st.Closed)
	st.Accepted, st.HandedOver, st.ChecksWaited = before.Accepted.Load(), before.HandedOver.Load(), before.ChecksWaited.Load()
	st.TLS = TLSCounts{Done: before.TLSDone.Load(), Resumed: before.TLSResumed.Load(), Waited: before.TLSWaited.Load()}
	st.Buffers, st.BufferBytes = of.Buffers, of.BufferBytes
	_, unopened := l.Pools()
	n, bytes := unopened.Lent()
	st.Buffers += n
	st.BufferBytes += bytes
	return st, l.Account.Drained()
}
