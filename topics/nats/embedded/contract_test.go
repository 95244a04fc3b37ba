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

// cutRecorder is the same for a Recorder.
type cutRecorder struct {
	*nats.Recorder
	*proxy
}

func (c cutRecorder) Cut() { c.cut() }

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
