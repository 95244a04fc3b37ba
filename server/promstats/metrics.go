package promstats

import "github.com/prometheus/client_golang/prometheus"

// descs are the metrics, in the order in which they are made below.
var descs []*prometheus.Desc

// describe makes a metric of that name, "framerail_" before it.
func describe(name, help string, labels ...string) *prometheus.Desc {
	d := prometheus.NewDesc("framerail_"+name, help, labels, nil)
	descs = append(descs, d)
	return d
}

var (
	open       = describe("connections", "WebSocket connections that are open.")
	accepted   = describe("connections_accepted_total", "Connections accepted, whatever became of them.")
	opened     = describe("connections_opened_total", "Connections whose opening handshake was done.")
	handedOver = describe("connections_handed_over_total", "Connections with an ordinary HTTP request, given to the Handler.")
	refused    = describe("connections_refused_total", "Connections that never became a WebSocket, by reason.", "reason")
	tlsDone    = describe("tls_handshakes_total", "TLS handshakes done, by whether they resumed a session.", "resumed")
	checksWait = describe("check_waits_total", "Handshakes that had to wait for MaxChecks.")
	tlsWaited  = describe("tls_handshake_waits_total", "TLS handshakes that had to wait for MaxTLSHandshakes.")
	closes     = describe("connections_closed_total", "Connections closed, by the side that began and the close code.", "by", "code")
	ends       = describe("connections_ended_total", "Connections closed, by what ended them.", "cause")

	messages  = describe("messages_total", "Whole messages, received or taken for sending.", "direction")
	frames    = describe("frames_total", "Frames by opcode, data being text, binary and continuation.", "direction", "opcode")
	bytes     = describe("transferred_bytes_total", "Bytes read from sockets and written to them, handshakes included.", "direction")
	pending   = describe("pending_bytes", "Bytes of frames that wait for sockets.")
	unsent    = describe("unsent_bytes_total", "Bytes of frames that were pending when their connection closed.")
	overflows = describe("overflows_total", "Messages for which there was no room, by what the policy did: close, refuse, drop_oldest or replace.", "policy")
	panics    = describe("callback_panics_total", "Callbacks that panicked or ended their goroutine.")

	buffers     = describe("buffers", "Pooled buffers that are lent.")
	bufferBytes = describe("buffer_bytes", "Size of the pooled buffers that are lent.")
	stalled     = describe("connections_stalled_total", "Connections of the Handler whose client did not read its answer, or did not send what it had announced.")
	expired     = describe("connections_expired_total", "Connections closed because of MaxLifetime.")
	drained     = describe("connections_drained_total", "Connections that Shutdown has sent a Close frame.")
	paced       = describe("accept_waits_total", "Connections that waited for HandshakesPerSecond.")
	timers      = describe("timers", "Timers that are set.")

	loopOpen = describe("loop_connections", "WebSocket connections that are open, by event loop.", "loop")
	slow     = describe("loop_slow_callbacks_total", "Callbacks that held an event loop for longer than the limit.", "loop")
	lag      = describe("loop_lag_seconds", "Longest turn of an event loop in the last 10 to 20 seconds.", "loop")
	turns    = describe("loop_turn_seconds", "How long an event loop's turns took, which is what others wait for it.", "loop")
)
