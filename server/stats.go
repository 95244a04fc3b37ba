package server

import (
	"reflect"
	"sync/atomic"

	"github.com/framerail/framerail/internal/secure"
)

// Stats is what a server has done and what it holds. Counters only grow; they begin
// with 0 when the server starts, and stay when it has ended. encoding/json can
// marshal it.
type Stats struct {
	// LoopStats are the sums over Loops. Its Panics count those of Check as well, and its
	// Expired connections of the Handler.
	LoopStats

	// Refused counts accepted connections that never became a WebSocket, by reason.
	// A reason that did not occur is missing.
	//
	// Accepted is Opened, HandedOver, all of Refused, and those whose request is
	// still awaited, together. A connection on which the Handler's requests are followed
	// by a handshake counts once more with that.
	Refused map[Reason]uint64

	// Stalled counts connections of the Handler whose client did not read its answer for
	// WriteTimeout, or did not send the content of its request for BodyTimeout.
	Stalled uint64

	// Paced is how many connections waited for HandshakesPerSecond.
	Paced uint64

	// Loops are the event loops one by one.
	Loops []LoopStats
}

// LoopStats is the part of one event loop.
type LoopStats struct {
	// Opened counts connections whose opening handshake was done, and Closed those of them
	// whose socket is closed. The difference is Clients.
	Opened, Closed uint64
	// Received and Sent are the traffic each way.
	Received, Sent Traffic
	// Pending is how many bytes of frames wait for sockets now.
	Pending int64
	// Unsent counts bytes of frames that were pending when their connection closed, and are
	// lost.
	Unsent uint64
	// Overflows counts messages that did not fit into MaxPending.
	Overflows Overflows
	// Panics counts callbacks that panicked or called runtime.Goexit.
	Panics uint64
	// Closes counts the connections in Closed by the side that closed them and the code.
	// A way that did not occur is missing, here and in Causes.
	Closes map[CloseKind]uint64
	// Causes counts the same connections by what ended them.
	Causes map[Cause]uint64

	// Accepted counts connections that were accepted, or came by Upgrade, whatever
	// became of them.
	Accepted uint64
	// HandedOver counts those that were given to the Handler.
	HandedOver uint64

	// TLS is about TLS handshakes.
	TLS TLSCounts

	// ChecksWaited counts handshakes that had to wait for MaxChecks.
	ChecksWaited uint64

	// Expired counts connections that were closed because of MaxLifetime.
	Expired uint64

	// Clients is how many connections are open now.
	Clients int64
	// Buffers is how many pooled buffers are lent now, and BufferBytes their size.
	Buffers, BufferBytes int64
	// Timers is how many timers are set now, those of conn.Conn.AfterFunc included.
	Timers int

	// Lag is how long its turns take.
	Lag Lag
}

// Stats is a snapshot of the server's counters. It does not stop the loops, and takes
// no lock of a connection: it costs little however many there are. What a loop counts
// for each message is as of the end of its last turn; the figures of one
// snapshot may differ from each other by what happened while it was taken.
func (s *Server) Stats() Stats {
	s.mu.Lock()
	run := s.run
	s.mu.Unlock()
	st := Stats{Refused: make(map[Reason]uint64)}
	if run == nil {
		return st
	}
	for _, l := range run.loops {
		ls := l.stats()
		st.Loops = append(st.Loops, ls)
		st.LoopStats.add(&ls)
	}
	st.Paced = run.gate.Paced()
	st.Panics += run.panics.Load()
	st.Expired += run.expired.Load()
	st.Stalled = run.stalled.Load()
	for i := range run.refused {
		if n := run.refused[i].Load(); n > 0 {
			st.Refused[Reason(i)] = n
		}
	}
	return st
}

// TLSCounts are of TLS handshakes. Those that failed are in Stats.Refused.
type TLSCounts struct {
	Done    uint64 // that came to their end
	Resumed uint64 // of those, with the session of an earlier connection
	Waited  uint64 // that had to wait for MaxTLSHandshakes
}

// secured counts a TLS handshake that is done.
func (t *tally) secured(below *secure.Transport) {
	t.tlsDone.Add(1)
	if state, _ := below.ConnectionState(); state.DidResume {
		t.tlsResumed.Add(1)
	}
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

// tally is what a server counts on one loop besides what the loop does. From any goroutine.
type tally struct {
	accepted, handedOver           atomic.Uint64
	tlsDone, tlsResumed, tlsWaited atomic.Uint64
	checksWaited                   atomic.Uint64
}

// stats is a snapshot. From any goroutine.
func (l *phases) stats() (st LoopStats) {
	of, t := l.Stats(), &l.tally
	st.Timers, st.Lag, st.Expired = of.Timers, Lag(of.Lag), of.Expired
	st.show(&of.Session)
	st.Clients = int64(st.Opened - st.Closed)
	st.Accepted, st.HandedOver, st.ChecksWaited = t.accepted.Load(), t.handedOver.Load(), t.checksWaited.Load()
	st.TLS = TLSCounts{Done: t.tlsDone.Load(), Resumed: t.tlsResumed.Load(), Waited: t.tlsWaited.Load()}
	st.Buffers, st.BufferBytes = of.Buffers, of.BufferBytes
	n, bytes := l.greeter.heads.Lent()
	st.Buffers += n
	st.BufferBytes += bytes
	return st
}
