package brokertest

import (
	"testing"

	"github.com/framerail/framerail/internal/test/leaks"
	"github.com/framerail/framerail/topics"
)

func TestMain(m *testing.M) { leaks.Main(m) }

// brokers are those of one Memory.
func brokers(m *Memory, records bool) func(*testing.T) topics.Broker {
	return func(*testing.T) topics.Broker {
		if records {
			return m.Recorder()
		}
		return m.Broker()
	}
}

func TestMemory_IsABroker(t *testing.T) { Run(t, brokers(new(Memory), false)) }

func TestMemory_IsARecorder(t *testing.T) { Run(t, brokers(new(Memory), true)) }

func TestMemory_IsARecorderWithHoles(t *testing.T) { Run(t, brokers(&Memory{Sparse: true}, true)) }
