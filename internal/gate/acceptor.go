package gate

import (
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"os"
	"time"

	"github.com/framerail/framerail/internal/platform"
)

// ErrStopped is the error of Serve after Close or Stop.
var ErrStopped = errors.New("framerail: server closed")

// Acceptor accepts from one listener, on a goroutine.
type Acceptor struct {
	gate *Gate
	ln   net.Listener
	from platform.Listener // ln, as its platform accepts from it
	tls  *tls.Config       // nil: its connections are plain
	unix bool              // its sockets are

	// Owned by Serve.
	pause  time.Duration // the last back-off; 0 when accepting works
	logged time.Time     // when the last back-off was logged

	done chan struct{} // closed when Serve has returned
}

const (
	// pauseMin and pauseMax bound the back-off of accepting when the system is
	// out of descriptors or memory. New clients wait in the kernel's backlog.
	pauseMin = 5 * time.Millisecond
	pauseMax = 500 * time.Millisecond
	// pauseLogEvery bounds how often the log reports a back-off.
	pauseLogEvery = time.Second
)

// Listen takes a listener over, to accept from it on its platform. It does not close ln if it fails.
// Without a config its connections have no TLS.
func Listen(ln net.Listener, config *tls.Config) (*Acceptor, error) {
	from, err := platform.Of(ln).Sockets().Listen(ln)
	if err != nil {
		return nil, err
	}
	return &Acceptor{ln: ln, from: from, tls: config, unix: IsUnix(ln.Addr()), done: make(chan struct{})}, nil
}

// Use sets the gate for which the acceptor accepts, and sets the gate's TCP options on a TCP listener.
// Before Serve.
func (a *Acceptor) Use(g *Gate) error {
	a.gate = g
	return a.from.SetUp(func(fd int) error {
		return g.options.TCP.setUp(g.options.Platform.Sockets(), fd)
	})
}

// Listener returns the listener that was given to Listen.
func (a *Acceptor) Listener() net.Listener { return a.ln }

// File is a duplicate of the listener's socket for another process; see platform.Listener.
func (a *Acceptor) File() (*os.File, error) { return a.from.File() }

// Close ends Serve; once it returns the address is free again. From any goroutine,
// and more than once.
func (a *Acceptor) Close() { _ = a.from.Close() }

// Stop ends Serve and waits until it holds no descriptor. It does not wait for the Accept of another
// package, which may go on for any time.
func (a *Acceptor) Stop() {
	a.Close()
	if a.from.EndsAccept() {
		<-a.done
	}
}

// Serve accepts until the listener is closed, and then returns ErrStopped. It also returns if it cannot
// accept any more. It calls ended before Stop returns.
func (a *Acceptor) Serve(ended func()) error {
	defer close(a.done)
	defer ended()
	defer a.Close()
	o := &a.gate.options
	for {
		got, err := a.from.Accept()
		if err == nil {
			a.pause = 0
			got.Carried(o.Begin, o.End)
			if got.Remote.IsValid() {
				o.TCP.Apply(o.Platform.Sockets(), got.FD)
			}
			// The loops are stopped after this has ended.
			a.gate.Admit(Accepted{Accepted: got, TLS: a.tls, Unix: a.unix})
		}
		if a.isStopped() {
			return ErrStopped
		}
		if err == nil {
			continue
		}
		if fatal := a.failed(err); fatal {
			err = fmt.Errorf("framerail: cannot accept from %v: %w", a.ln.Addr(), err)
			o.Logger.Error(err.Error())
			return err
		}
	}
}

// failed backs off after a temporary failure. Open connections go on, and new ones wait in the
// kernel.
func (a *Acceptor) failed(err error) (fatal bool) {
	o := &a.gate.options
	switch platform.VerdictOf(err) {
	case platform.Fatal:
		return true
	case platform.Pause:
		if now := o.Platform.Now(); now.Sub(a.logged) >= pauseLogEvery {
			a.logged = now
			o.Logger.Error("framerail: cannot accept connections for now", "error", err)
		}
		a.pause = min(max(2*a.pause, pauseMin), pauseMax)
		o.Platform.Await(o.Stopping, nil, o.Platform.Now().Add(a.pause))
	}
	return false
}

func (a *Acceptor) isStopped() bool {
	select {
	case <-a.gate.options.Stopping:
		return true
	default:
		return false
	}
}
