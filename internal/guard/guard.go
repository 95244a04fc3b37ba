// Package guard checks what comments say of goroutines and of locks. It does so in builds with
// the tag owned, which only tests use. In all others its mutexes are sync.Mutex, and its checks
// are empty functions.
//
// # Goroutines
//
// A [Goroutine] is the one goroutine that may touch some state, such as an event loop's. Check
// panics on any other.
//
// # The order of locks
//
// A goroutine that holds a lock takes only locks that stand below it here:
//
//  1. session.Conn's mu: a [ConnMutex].
//  2. The locks within crypto/tls: a call of it stands between [EnterTLS] and [LeaveTLS].
//  3. secure.Transport's mu: a [SecureMutex].
//  4. The memory budget's mu, session.Policy's sharing.mu, and the mu of an event loop's inbox and of its
//     session.relief, each a [LastMutex]. While one is held no other lock is taken.
//
// A [LoneMutex] is taken alone: while it is held no other lock of those here is taken, nor is it
// taken while one of those above is held. Two connections' locks are never held together.
// ARCHITECTURE.md has the order of the locks that are not checked, such as those of package topics.
//
// # Comments
//
// "guarded by mu" at a field means the mu of the same struct, or of one that it embeds, unless
// it says whose. "mu is held" at a function means that its caller holds it; [Held] checks that.
package guard
