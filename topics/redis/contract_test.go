package redis

import (
	"testing"

	"github.com/framerail/framerail/topics"
	"github.com/framerail/framerail/topics/brokertest"
)

// cutter is a Broker whose connections a test can cut.
type cutter struct {
	*Broker
}

func (c cutter) Cut() { c.session.Load().hangUp() }

func TestBroker_KeepsTheContract(t *testing.T) {
	r := startServer(t)
	brokertest.Run(t, func(*testing.T) topics.Broker { return cutter{r.broker()} })
}
