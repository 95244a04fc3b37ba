package promstats

import (
	"github.com/prometheus/client_golang/prometheus"

	"github.com/framerail/framerail/topics"
)

// TopicsSource is what a Collector of topics reads; a *topics.Topics is one.
type TopicsSource interface{ Stats() topics.Stats }

// NewTopics is a Collector of the metrics of topics, to be registered with a [prometheus.Registerer]. Safe
// from any goroutine. Those of the broker are there if there is one.
func NewTopics(s TopicsSource) prometheus.Collector { return &topicsCollector{&ofTopics, s} }

type topicsCollector struct {
	*family
	source TopicsSource
}

var ofTopics = family{prefix: "framerail_topics_"}

var (
	topicCount    = ofTopics.describe("topics", "Topics and patterns that have members, or keep something.")
	subscriptions = ofTopics.describe("subscriptions", "Members of all topics together.")
	published     = ofTopics.describe("published_total", "Messages published by this process.")
	delivered     = ofTopics.describe("delivered_total", "Messages that connections took, once for each.")
	lost          = ofTopics.describe("lost_total", "Messages that connections refused or dropped, once for each.")
	topicPanics   = ofTopics.describe("callback_panics_total", "Callbacks that panicked.")

	brokerUp       = ofTopics.describe("broker_up", "1 if the broker is connected.")
	brokerLosses   = ofTopics.describe("broker_losses_total", "Connections to the broker that were lost.")
	outboxBytes    = ofTopics.describe("broker_outbox_bytes", "What waits for the broker.")
	recorderBytes  = ofTopics.describe("broker_recorder_bytes", "Messages that a Recorder has not sent back, and messages that wait for its answer.")
	brokerLag      = ofTopics.describe("broker_lag_seconds", "How long the first message has waited for the broker.")
	brokerMessages = ofTopics.describe("broker_messages_total", "Messages that the broker took or brought.", "direction")
	brokerLost     = ofTopics.describe("broker_lost_total", "Messages for other nodes that did not fit into the outbox, or that the broker did not confirm.")
	brokerDropped  = ofTopics.describe("broker_dropped_total", "Messages of other nodes for event loops that were too far behind.")
	brokerGaps     = ofTopics.describe("broker_gaps_total", "Times that something of a topic had not come.")
	brokerMissed   = ofTopics.describe("broker_missed_total", "Messages of other nodes that had not come, and that a Recorder did not have, as far as their numbers show it.")
	brokerForeign  = ofTopics.describe("broker_foreign_total", "Messages of the broker that no node had made.")
)

// Collect implements prometheus.Collector.
func (c *topicsCollector) Collect(ch chan<- prometheus.Metric) {
	st := c.source.Stats()
	out := sink{ch}
	out.gauge(topicCount, float64(st.Topics))
	out.gauge(subscriptions, float64(st.Subscriptions))
	out.count(published, st.Published)
	out.count(delivered, st.Delivered)
	out.count(lost, st.Lost)
	out.count(topicPanics, st.Panics)
	b := &st.Broker
	if *b == (topics.BrokerStats{}) {
		return
	}
	up := 0.0
	if b.Up {
		up = 1
	}
	out.gauge(brokerUp, up)
	out.count(brokerLosses, b.Losses)
	out.gauge(outboxBytes, float64(b.OutboxBytes))
	out.gauge(recorderBytes, float64(b.RecorderBytes))
	out.gauge(brokerLag, b.Lag.Seconds())
	out.count(brokerMessages, b.Published, "sent")
	out.count(brokerMessages, b.Received, "received")
	out.count(brokerLost, b.Lost)
	out.count(brokerDropped, b.Dropped)
	out.count(brokerGaps, b.Gaps)
	out.count(brokerMissed, b.Missed)
	out.count(brokerForeign, b.Foreign)
}
