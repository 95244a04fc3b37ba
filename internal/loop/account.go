package loop

import (
	"sync/atomic"

	"github.com/framerail/framerail/internal/session"
)

// Account counts what the tenants of one owner do on a loop. It stays when the owner is unregistered.
type Account struct {
	loop   *Loop
	policy *session.Policy

	expired, drained, aborted atomic.Uint64

	published session.Counters // guarded by the inbox's mu
}

// Account is that of an owner. On the loop, or before it serves.
func (os *owners) Account(id OwnerID) *Account { return os.at[id].Account }

// publish shows what the loop has counted, as of now. On the loop, with its inbox's mu held.
func (a *Account) publish() { a.loop.conns.Publish(a.policy, &a.published) }

// settle is publish without the lock.
func (a *Account) settle() {
	a.loop.inbox.mu.Lock()
	defer a.loop.inbox.mu.Unlock()
	a.publish()
}

// Counters is a snapshot of what the tenants have done once they were open. From any goroutine.
func (a *Account) Counters() session.Counters {
	a.loop.inbox.mu.Lock()
	c := a.published
	a.loop.inbox.mu.Unlock()
	a.policy.AddShared(&c)
	return c
}

// Expired counts tenants that were closed because of their lifetime. From any goroutine.
func (a *Account) Expired() uint64 { return a.expired.Load() }

// Drained counts tenants that Drain has closed. From any goroutine.
func (a *Account) Drained() uint64 { return a.drained.Load() }

// Aborted counts tenants that Abort has cut once they were open. From any goroutine.
func (a *Account) Aborted() uint64 { return a.aborted.Load() }
