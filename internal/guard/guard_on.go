//go:build owned

package guard

import (
	"bytes"
	"fmt"
	"runtime"
	"strconv"
	"sync"
	"sync/atomic"
)

// Checking tells whether this build checks anything.
const Checking = true

// rank is a lock's place in the order.
type rank uint8

const (
	conn rank = 1 + iota
	inTLS
	secure
	last
	lone // before all others, and behind them
)

func (r rank) String() string {
	return [...]string{"", "a ConnMutex", "crypto/tls's locks", "a SecureMutex", "a LastMutex", "a LoneMutex"}[r]
}

// taken is a lock that a goroutine holds.
type taken struct {
	rank rank
	mu   *sync.Mutex // nil for crypto/tls's
}

// holding is what each goroutine holds: goroutine numbers to []taken, in the order in which
// they were taken. Each goroutine changes its own only.
var holding sync.Map

// self is the number of the calling goroutine.
func self() int64 {
	var buf [32]byte
	head := buf[:runtime.Stack(buf[:], false)]
	digits, _, _ := bytes.Cut(bytes.TrimPrefix(head, []byte("goroutine ")), []byte(" "))
	id, err := strconv.ParseInt(string(digits), 10, 64)
	if err != nil {
		panic("guard: goroutines have no numbers")
	}
	return id
}

func held(g int64) []taken {
	all, _ := holding.Load(g)
	mine, _ := all.([]taken)
	return mine
}

// enter notes that the calling goroutine is about to take a lock.
func enter(r rank, mu *sync.Mutex) {
	g := self()
	mine := held(g)
	for _, t := range mine {
		if t.rank >= r || t.rank == last || t.rank == lone || r == lone {
			panic(fmt.Sprintf("guard: %v is taken by a goroutine that holds %v", r, t.rank))
		}
	}
	holding.Store(g, append(mine[:len(mine):len(mine)], taken{r, mu}))
}

// leave notes that the calling goroutine lets go of a lock.
func leave(r rank, mu *sync.Mutex) {
	g := self()
	mine := held(g)
	for i, t := range mine {
		if t.mu != mu || t.rank != r {
			continue
		}
		if len(mine) == 1 {
			holding.Delete(g)
		} else {
			holding.Store(g, append(mine[:i:i], mine[i+1:]...))
		}
		return
	}
	panic(fmt.Sprintf("guard: a goroutine lets go of %v that it does not hold", r))
}

// Goroutine is the goroutine that may touch some state. The zero value is none.
type Goroutine struct{ id atomic.Int64 }

// Take makes the calling goroutine the one.
func (g *Goroutine) Take() { g.id.Store(self()) }

// Leave ends that: there is none then.
func (g *Goroutine) Leave() { g.id.Store(0) }

// Check panics if there is one, and it is not the calling goroutine.
func (g *Goroutine) Check() {
	if owner := g.id.Load(); owner != 0 && owner != self() {
		panic(fmt.Sprintf("guard: goroutine %d touches what belongs to goroutine %d", self(), owner))
	}
}

// EnterTLS tells that the calling goroutine is about to call crypto/tls.
func EnterTLS() { enter(inTLS, nil) }

// LeaveTLS tells that the call has returned.
func LeaveTLS() { leave(inTLS, nil) }
