package promstats

import "github.com/prometheus/client_golang/prometheus"

// family is metrics whose names begin alike, in the order in which they are made below.
type family struct {
	prefix string
	descs  []*prometheus.Desc
}

// describe makes a metric of that name, behind the prefix.
func (f *family) describe(name, help string, labels ...string) *prometheus.Desc {
	d := prometheus.NewDesc(f.prefix+name, help, labels, nil)
	f.descs = append(f.descs, d)
	return d
}

// Describe is the method of a prometheus.Collector of these metrics.
func (f *family) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range f.descs {
		ch <- d
	}
}

var ofServer = family{prefix: "framerail_"}

var (
	open       = ofServer.describe("connections", "WebSocket connections that are open.")
	accepted   = ofServer.describe("connections_accepted_total", "Connections accepted, whatever became of them.")
	opened     = ofServer.describe("connections_opened_total", "Connections whose opening handshake was done.")
	handedOver = ofServer.describe("connections_handed_over_total", "Connections with an ordinary HTTP request, given to the Handler.")
	refused    = ofServer.describe("connections_refused_total", "Connections that never became a WebSocket, by reason.", "reason")
	tlsDone    = ofServer.describe("tls_handshakes_total", "TLS handshakes done, by whether they resumed a session.", "resumed")
	checksWait = ofServer.describe("check_waits_total", "Handshakes that had to wait for MaxChecks.")
	tlsWaited  = ofServer.describe("tls_handshake_waits_total", "TLS handshakes that had to wait for MaxTLSHandshakes.")
	closes     = ofServer.describe("connections_closed_total", "Connections closed, by the side that began and the close code.", "by", "code")
	ends       = ofServer.describe("connections_ended_total", "Connections closed, by what ended them.", "cause")

	messages  = ofServer.describe("messages_total", "Whole messages, received or taken for sending.", "direction")
	frames    = ofServer.describe("frames_total", "Frames by opcode, data being text, binary and continuation.", "direction", "opcode")
	bytes     = ofServer.describe("transferred_bytes_total", "Bytes read from sockets and written to them, handshakes included.", "direction")
	pending   = ofServer.describe("pending_bytes", "Bytes of frames that wait for sockets.")
	unsent    = ofServer.describe("unsent_bytes_total", "Bytes of frames that were pending when their connection closed.")
	overflows = ofServer.describe("overflows_total", "Messages for which there was no room, by what the policy did: close, refuse, drop_oldest or replace.", "policy")
	panics    = ofServer.describe("callback_panics_total", "Callbacks that panicked or ended their goroutine.")

	buffers     = ofServer.describe("buffers", "Pooled buffers that are lent.")
	bufferBytes = ofServer.describe("buffer_bytes", "Size of the pooled buffers that are lent.")
	stalled     = ofServer.describe("connections_stalled_total", "Connections of the Handler whose client did not read its answer, or did not send what it had announced.")
	expired     = ofServer.describe("connections_expired_total", "Connections closed because of MaxLifetime.")
	drained     = ofServer.describe("connections_drained_total", "Connections that Shutdown has sent a Close frame.")
	paced       = ofServer.describe("accept_waits_total", "Connections that waited for HandshakesPerSecond.")
	timers      = ofServer.describe("timers", "Timers that are set.")

	loopOpen = ofServer.describe("loop_connections", "WebSocket connections that are open, by event loop.", "loop")
	slow     = ofServer.describe("loop_slow_callbacks_total", "Callbacks that held an event loop for longer than the limit.", "loop")
	lag      = ofServer.describe("loop_lag_seconds", "Longest turn of an event loop in the last 10 to 20 seconds.", "loop")
	turns    = ofServer.describe("loop_turn_seconds", "How long an event loop's turns took, which is what others wait for it.", "loop")
)
