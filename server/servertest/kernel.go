package servertest

import (
	"sync"
	"time"

	"github.com/framerail/framerail/internal/platform"
)

// machine is a Sim as the server sees it.
type machine Sim

var _ platform.Platform = (*machine)(nil)

func (m *machine) sim() *Sim { return (*Sim)(m) }

func (m *machine) Supported() error          { return nil }
func (m *machine) Simulated() bool           { return true }
func (m *machine) Sockets() platform.Sockets { return simSockets{} }

func (m *machine) Go(work func())                  { m.sim().Go(work) }
func (m *machine) Now() time.Time                  { return m.sim().Now() }
func (m *machine) Since(t time.Time) time.Duration { return m.sim().Now().Sub(t) }

// Wait lets go of the lock until anything has happened: its caller looks again
// whether that was it.
func (m *machine) Wait(c *sync.Cond) {
	c.L.Unlock()
	m.sim().wait(waiting{change: true})
	c.L.Lock()
}

func (m *machine) Await(done, stop <-chan struct{}, until time.Time) bool {
	m.sim().wait(waiting{ready: func() bool { return isClosed(done) || isClosed(stop) }, until: until})
	return isClosed(done)
}

func isClosed(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}

// Yield does nothing: each turn of a loop ends with a wait.
func (m *machine) Yield() {}

func (m *machine) Uint64() uint64 {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.rnd.Uint64()
}

func (m *machine) NewPoller() (platform.Poller, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	p := &simPoller{sim: m.sim(), id: len(m.pollers)}
	m.pollers = append(m.pollers, p)
	return p, nil
}
