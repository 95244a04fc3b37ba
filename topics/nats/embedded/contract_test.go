package embedded_test

import (
	"testing"

	"github.com/framerail/framerail/topics"
	"github.com/framerail/framerail/topics/brokertest"
	"github.com/framerail/framerail/topics/nats"
)

// cut is a broker whose connection goes through a proxy, which can be cut.
type cut struct {
	*nats.Broker
	*proxy
}

func (c cut) Cut() { c.cut() }

func (c cut) Refused(topic string) (topics.Packet, func()) { return tooLong(topic) }

// cutRecorder is the same for a Recorder.
type cutRecorder struct {
	*nats.Recorder
	*proxy
}

func (c cutRecorder) Cut() { c.cut() }

func (c cutRecorder) Refused(topic string) (topics.Packet, func()) { return tooLong(topic) }

// tooLong is a message that no server of NATS takes, unless it is told to.
func tooLong(topic string) (topics.Packet, func()) {
	return topics.Packet{Topic: topic, Data: make([]byte, 2<<20)}, func() {}
}

func TestContract_OfBroker(t *testing.T) {
	s := newProcess(t)
	brokertest.Run(t, func(t *testing.T) topics.Broker {
		p := newProxy(t, s.addr)
		return cut{&nats.Broker{URL: p.url()}, p}
	})
}

func TestContract_OfRecorder(t *testing.T) {
	if testing.Short() {
		t.Skip("most of it is that of the Broker")
	}
	s := newProcess(t)
	brokertest.Run(t, func(t *testing.T) topics.Broker {
		p := newProxy(t, s.addr)
		return cutRecorder{recorder(p.url()), p}
	})
}
