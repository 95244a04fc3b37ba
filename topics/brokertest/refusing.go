package brokertest

import (
	"testing"

	"github.com/framerail/framerail/topics"
)

// Refuser is a Broker that a test can have refuse a message. [Run] then checks that nothing of a topic behind the first message that
// is refused is taken.
type Refuser interface {
	topics.Broker
	// Refused returns a message of a topic that Publish refuses until again is called. If it has no Keep, it is refused with any
	// Keep. Other messages with Keep may be refused meanwhile, too.
	Refused(topic string) (p topics.Packet, again func())
}

// A batch is refused in its middle. Publish says how many it has taken, and no more than those arrive or are kept, or the
// publisher's order would be lost when it publishes the rest again.
func testRefused(t *testing.T, broker func(*testing.T) topics.Broker) {
	a, b := start(t, broker(t)), start(t, broker(t))
	refuser, ok := a.Broker.(Refuser)
	if !ok {
		t.Skip("it is no Refuser")
	}
	for _, keep := range []topics.History{{}, {Messages: 100}} {
		if _, records := a.Broker.(topics.Recorder); !records && keep.Messages > 0 {
			continue
		}
		name := fresh("room")
		b.interest([]string{name}, nil)
		var begin topics.Position
		if keep.Messages > 0 {
			begin = a.since(name, keep, begin, nil)
		}
		refused, again := refuser.Refused(name)
		if refused.Keep == (topics.History{}) {
			refused.Keep = keep
		}
		batch := []topics.Packet{kept(name, "1", keep), kept(name, "2", keep), refused, kept(name, "3", keep), kept(name, "4", keep)}
		var taken []string
		for range 2 { // as Topics tries it
			n, err := a.Publish(a.ctx, batch[len(taken):])
			if n > 2-len(taken) || err == nil {
				t.Fatalf("%+v: %d messages are taken after %d, and the third one is refused: %v", keep, n, len(taken), err)
			}
			for _, p := range batch[len(taken):][:n] {
				taken = append(taken, string(p.Data))
			}
		}
		if keep == (topics.History{}) && len(taken) != 2 {
			t.Errorf("%d messages are taken before the one that is refused", len(taken))
		}
		again()
		if keep.Messages > 0 {
			a.since(name, keep, begin, nil, taken...)
		}
		a.publish(kept(name, "5", keep))
		b.expect(name, append(taken, "5")...)
	}
}
