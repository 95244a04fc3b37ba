package promstats

import (
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/framerail/framerail/topics"
)

// fixedTopics is a source whose figures are known.
type fixedTopics topics.Stats

func (f fixedTopics) Stats() topics.Stats { return topics.Stats(f) }

func TestTopics_AllFiguresAreThere(t *testing.T) {
	s := fixedTopics{Topics: 1, Subscriptions: 2, Published: 3, Delivered: 4, Lost: 5, Panics: 6}
	if n := testutil.CollectAndCount(NewTopics(s)); n != 6 {
		t.Errorf("%d figures without a broker", n)
	}
	s.Broker = topics.BrokerStats{
		Up: true, Since: time.Unix(1, 0), Losses: 7, OutboxBytes: 8, RecorderBytes: 16, Lag: 9 * time.Second, Published: 10, Received: 11, Lost: 12, Dropped: 13, Gaps: 14, Foreign: 15, Missed: 17,
	}
	var want strings.Builder
	for _, line := range []string{"topics 1", "subscriptions 2", "published_total 3", "delivered_total 4", "lost_total 5", "callback_panics_total 6", "broker_up 1",
		"broker_losses_total 7", "broker_outbox_bytes 8", "broker_recorder_bytes 16", "broker_lag_seconds 9", `broker_messages_total{direction="sent"} 10`, `broker_messages_total{direction="received"} 11`,
		"broker_lost_total 12", "broker_dropped_total 13", "broker_gaps_total 14", "broker_missed_total 17", "broker_foreign_total 15"} {
		name, _, _ := strings.Cut(strings.Fields(line)[0], "{")
		for _, d := range ofTopics.descs {
			if text := d.String(); strings.Contains(text, `"framerail_topics_`+name+`"`) && !strings.Contains(want.String(), "TYPE framerail_topics_"+name+" ") {
				_, help, _ := strings.Cut(text, `help: "`)
				help, _, _ = strings.Cut(help, `"`)
				kind := "gauge"
				if strings.HasSuffix(name, "_total") {
					kind = "counter"
				}
				want.WriteString("# HELP framerail_topics_" + name + " " + help + "\n# TYPE framerail_topics_" + name + " " + kind + "\n")
			}
		}
		want.WriteString("framerail_topics_" + line + "\n")
	}
	if err := testutil.CollectAndCompare(NewTopics(s), strings.NewReader(want.String())); err != nil {
		t.Error(err)
	}
	if problems, err := testutil.CollectAndLint(NewTopics(s)); err != nil || len(problems) > 0 {
		t.Error(problems, err)
	}
}

// A *topics.Topics is a source.
var _ TopicsSource = (*topics.Topics)(nil)
