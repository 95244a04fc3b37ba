package redis

import (
	"testing"

	"github.com/framerail/framerail/topics"
	"github.com/framerail/framerail/topics/brokertest"
)

// cutter is a Broker whose connections a test can cut, and whose server may be full.
type cutter struct {
	*Broker
	server *redisServer
}

func (c cutter) Cut() { c.session.Load().hangUp() }

func (c cutter) Refused(topic string) (topics.Packet, func()) {
	c.server.answer("CONFIG", "SET", "maxmemory", "1")
	refused := topics.Packet{Topic: topic, Data: []byte("refused"), Keep: topics.History{Messages: 100}}
	return refused, func() { c.server.answer("CONFIG", "SET", "maxmemory", "0") }
}

func TestBroker_KeepsTheContract(t *testing.T) {
	r := startServer(t)
	brokertest.Run(t, func(*testing.T) topics.Broker { return cutter{r.broker(), r} })
}

func TestNoPatterns_KeepsTheContract(t *testing.T) {
	r := startServer(t)
	brokertest.Run(t, func(*testing.T) topics.Broker {
		b := r.broker()
		b.NoPatterns = true
		return b
	})
}
