//go:build owned

package guard

import "sync"

// ConnMutex, SecureMutex, LastMutex and LoneMutex are mutexes by their places in the order.
type (
	ConnMutex   struct{ mu sync.Mutex }
	SecureMutex struct{ mu sync.Mutex }
	LastMutex   struct{ mu sync.Mutex }
	LoneMutex   struct{ mu sync.Mutex }
)

func (m *ConnMutex) Lock()         { lock(conn, &m.mu) }
func (m *ConnMutex) TryLock() bool { return tryLock(conn, &m.mu) }
func (m *ConnMutex) Unlock()       { unlock(conn, &m.mu) }

func (m *SecureMutex) Lock()         { lock(secure, &m.mu) }
func (m *SecureMutex) TryLock() bool { return tryLock(secure, &m.mu) }
func (m *SecureMutex) Unlock()       { unlock(secure, &m.mu) }

func (m *LastMutex) Lock()         { lock(last, &m.mu) }
func (m *LastMutex) TryLock() bool { return tryLock(last, &m.mu) }
func (m *LastMutex) Unlock()       { unlock(last, &m.mu) }

func (m *LoneMutex) Lock()         { lock(lone, &m.mu) }
func (m *LoneMutex) TryLock() bool { return tryLock(lone, &m.mu) }
func (m *LoneMutex) Unlock()       { unlock(lone, &m.mu) }

func lock(r rank, mu *sync.Mutex) {
	enter(r, mu)
	mu.Lock()
}

func tryLock(r rank, mu *sync.Mutex) bool {
	enter(r, mu)
	if mu.TryLock() {
		return true
	}
	leave(r, mu)
	return false
}

func unlock(r rank, mu *sync.Mutex) {
	leave(r, mu)
	mu.Unlock()
}

// inner is the sync.Mutex of any of them.
func (m *ConnMutex) inner() *sync.Mutex   { return &m.mu }
func (m *SecureMutex) inner() *sync.Mutex { return &m.mu }
func (m *LastMutex) inner() *sync.Mutex   { return &m.mu }
func (m *LoneMutex) inner() *sync.Mutex   { return &m.mu }

// Held panics unless the calling goroutine holds mu.
func Held(mu interface{ inner() *sync.Mutex }) {
	for _, t := range held(self()) {
		if t.mu == mu.inner() {
			return
		}
	}
	panic("guard: a lock that its caller must hold is not held")
}
