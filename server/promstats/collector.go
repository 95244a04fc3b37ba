package promstats

import (
	"strconv"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/framerail/framerail/server"
)

// Source is what a Collector reads; a *server.Server is one.
type Source interface{ Stats() server.Stats }

// New is a Collector of a server's metrics, to be registered with a
// [prometheus.Registerer]. Safe from any goroutine. It takes one snapshot for each
// collection and keeps none. A server that has not started yet has no loops, and all
// else is 0.
//
// For several servers in one registry tell them apart by a label, with
// [prometheus.WrapRegistererWith].
func New(s Source) prometheus.Collector { return &collector{&ofServer, s} }

type collector struct {
	*family
	source Source
}

// Collect implements prometheus.Collector.
func (c *collector) Collect(ch chan<- prometheus.Metric) {
	st := c.source.Stats()
	out := sink{ch}
	out.connections(&st)
	out.traffic(&st.LoopStats)
	out.resources(&st)
	for i := range st.Loops {
		out.loop(strconv.Itoa(i), &st.Loops[i])
	}
}

// sink sends metrics on their way.
type sink struct{ ch chan<- prometheus.Metric }

func (s sink) count(d *prometheus.Desc, n uint64, labels ...string) {
	s.ch <- prometheus.MustNewConstMetric(d, prometheus.CounterValue, float64(n), labels...)
}

func (s sink) gauge(d *prometheus.Desc, v float64, labels ...string) {
	s.ch <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v, labels...)
}

func (s sink) connections(st *server.Stats) {
	s.gauge(open, float64(st.Clients))
	s.count(accepted, st.Accepted)
	s.count(opened, st.Opened)
	s.count(handedOver, st.HandedOver)
	for reason, n := range st.Refused {
		s.count(refused, n, reason.String())
	}
	s.count(tlsDone, st.TLS.Done-st.TLS.Resumed, "false")
	s.count(tlsDone, st.TLS.Resumed, "true")
	s.count(tlsWaited, st.TLS.Waited)
	s.count(checksWait, st.ChecksWaited)
	for kind, n := range st.Closes {
		s.count(closes, n, kind.By.String(), strconv.Itoa(int(kind.Code)))
	}
	for cause, n := range st.Causes {
		s.count(ends, n, string(cause))
	}
}

func (s sink) traffic(c *server.LoopStats) {
	for _, way := range []struct {
		name string
		t    *server.Traffic
	}{{"received", &c.Received}, {"sent", &c.Sent}} {
		s.count(messages, way.t.Messages, way.name)
		s.count(bytes, way.t.Bytes, way.name)
		s.count(frames, way.t.DataFrames, way.name, "data")
		s.count(frames, way.t.CloseFrames, way.name, "close")
		s.count(frames, way.t.Pings, way.name, "ping")
		s.count(frames, way.t.Pongs, way.name, "pong")
	}
	s.gauge(pending, float64(c.Pending))
	s.count(unsent, c.Unsent)
	s.count(overflows, c.Overflows.Closed, "close")
	s.count(overflows, c.Overflows.Refused, "refuse")
	s.count(overflows, c.Overflows.Oldest, "drop_oldest")
	s.count(overflows, c.Overflows.Replaced, "replace")
	s.count(panics, c.Panics)
}

func (s sink) resources(st *server.Stats) {
	s.gauge(buffers, float64(st.Buffers))
	s.gauge(bufferBytes, float64(st.BufferBytes))
	s.gauge(timers, float64(st.Timers))
	s.count(expired, st.Expired)
	s.count(drained, st.Drained)
	s.count(stalled, st.Stalled)
	s.count(paced, st.Paced)
}

func (s sink) loop(number string, st *server.LoopStats) {
	s.gauge(loopOpen, float64(st.Clients), number)
	s.count(slow, st.Lag.SlowCallbacks, number)
	s.gauge(lag, st.Lag.Recent.Seconds(), number)

	// Prometheus's buckets hold all that is below their bound.
	buckets := make(map[float64]uint64)
	var below uint64
	for i, bound := range server.LagBounds() {
		below += st.Lag.Buckets[i]
		buckets[bound.Seconds()] = below
	}
	s.ch <- prometheus.MustNewConstHistogram(turns, st.Lag.Turns, st.Lag.Total.Seconds(), buckets, number)
}
