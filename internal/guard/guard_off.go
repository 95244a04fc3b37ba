//go:build !owned

package guard

import "sync"

// Checking tells whether this build checks anything.
const Checking = false

// The mutexes, by their places in the order.
type (
	ConnMutex   = sync.Mutex
	SecureMutex = sync.Mutex
	LastMutex   = sync.Mutex
	LoneMutex   = sync.Mutex
)

// Goroutine is the goroutine that may touch some state. The zero value is none.
type Goroutine struct{}

// Take makes the calling goroutine the one.
func (*Goroutine) Take() {}

// Leave ends that: there is none then.
func (*Goroutine) Leave() {}

// Check panics if there is one, and it is not the calling goroutine.
func (*Goroutine) Check() {}

// EnterTLS tells that the calling goroutine is about to call crypto/tls.
func EnterTLS() {}

// LeaveTLS tells that the call has returned.
func LeaveTLS() {}

// Held panics unless the calling goroutine holds mu.
func Held(mu *sync.Mutex) {}
