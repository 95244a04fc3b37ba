package topics

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/framerail/framerail/conn"
)

// absentBroker cannot be had.
type absentBroker struct{ Broker }

func (absentBroker) Run(context.Context, Node) error { return errors.New("no") }

// Topics that come while the broker is away leave no interest behind. Those that come after Close leave nothing for
// other nodes.
func TestLink_NothingPilesUpWithoutABroker(t *testing.T) {
	h := &Topics{Broker: absentBroker{}, History: func(string) History { return History{Messages: 1, Presence: true} }}
	l := h.link()
	publish := func(prefix string) {
		for i := range 100 {
			if _, err := h.Publish(fmt.Sprint(prefix, i), conn.Message{Type: conn.Text}); err != nil {
				t.Fatal(err)
			}
		}
	}
	for !l.uplink.isAway() {
		time.Sleep(time.Millisecond)
	}
	publish("away.")
	expect(t, "changes of interest", len(l.interest.changed), 0)
	h.Close()
	said, known := len(l.outbox.queue), len(l.outbox.topics)
	publish("closed.")
	expect(t, "changes of interest", len(l.interest.changed), 0)
	expect(t, "topics of the census", len(l.census.all()), 0)
	expect(t, "messages that wait", len(l.outbox.queue), said)
	expect(t, "series", len(l.outbox.topics), known)
}
