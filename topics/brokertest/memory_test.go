package brokertest

import (
	"errors"
	"testing"

	"github.com/framerail/framerail/internal/test/leaks"
	"github.com/framerail/framerail/topics"
)

func TestMain(m *testing.M) { leaks.Main(m) }

const unwanted = "unwanted"

// refusing is a node of a Memory that refuses what is unwanted.
type refusing struct{ *Node }

// refusingRecorder is the same of one that records.
type refusingRecorder struct{ RecordingNode }

func (refusing) Refused(topic string) (topics.Packet, func()) {
	return packet(topic, unwanted), func() {}
}

func (r refusingRecorder) Refused(topic string) (topics.Packet, func()) {
	return refusing{}.Refused(topic)
}

// brokers are those of one Memory.
func brokers(m *Memory, records bool) func(*testing.T) topics.Broker {
	m.Refuse = func(p topics.Packet) error {
		if string(p.Data) == unwanted {
			return errors.New("it is unwanted")
		}
		return nil
	}
	return func(*testing.T) topics.Broker {
		if records {
			return refusingRecorder{m.Recorder()}
		}
		return refusing{m.Broker()}
	}
}

func TestMemory_IsABroker(t *testing.T) { Run(t, brokers(new(Memory), false)) }

func TestMemory_IsARecorder(t *testing.T) { Run(t, brokers(new(Memory), true)) }

func TestMemory_IsARecorderWithHoles(t *testing.T) { Run(t, brokers(&Memory{Sparse: true}, true)) }
