// Package promstats gives a server's counters to Prometheus. It is a module of its
// own, so that the library does not depend on the client of Prometheus.
//
//	srv := &server.Server{Addr: ":9001"}
//	prometheus.MustRegister(promstats.New(srv))
//	http.Handle("/metrics", promhttp.Handler())
//
// # Metrics
//
// All names begin with framerail_. Their help texts say what they mean, and
// [server.Stats] says more.
//
//   - connections, connections_accepted_total, connections_opened_total,
//     connections_handed_over_total
//
//   - connections_refused_total by reason, as of [server.Reason]
//
//   - connections_closed_total by side and close code, as of [server.CloseKind], and
//     connections_ended_total by cause, as of [server.Cause]
//
//   - messages_total, frames_total, transferred_bytes_total by direction, "received"
//     or "sent", and frames_total by opcode too
//
//   - overflows_total by policy, as of [server.Overflows]
//
//   - pending_bytes, unsent_bytes_total, callback_panics_total
//
//   - connections_expired_total, connections_drained_total, connections_stalled_total,
//     accept_waits_total, check_waits_total
//
//   - tls_handshakes_total by whether they resumed a session, tls_handshake_waits_total
//
//   - buffers, buffer_bytes, timers
//
//   - loop_connections, loop_slow_callbacks_total, loop_lag_seconds,
//     loop_turn_seconds (a histogram) by loop
//
//   - from [NewTopics], with topics_ in their names: topics, subscriptions, published_total, delivered_total,
//     lost_total, callback_panics_total and, with a broker, those that begin with broker_, as of
//     [github.com/framerail/framerail/topics.BrokerStats]
//
// # Concurrency
//
// Collect is safe from any goroutine. It stops no loop and takes no lock of a
// connection.
package promstats
