package relay

import (
	"errors"
	"os"
	"sync/atomic"
	"time"

	"github.com/framerail/framerail/poller"
)

// sleeper is the poller of a system that has none: it waits for Wake and for the time, and knows no descriptor.
type sleeper struct {
	woken  chan struct{} // of one element
	timer  *time.Timer
	closed atomic.Bool
}

func newSleeper() *sleeper {
	s := &sleeper{woken: make(chan struct{}, 1), timer: time.NewTimer(time.Hour)}
	s.timer.Stop()
	return s
}

func (s *sleeper) Add(int, poller.Interest, uint64) error    { return errors.ErrUnsupported }
func (s *sleeper) Modify(int, poller.Interest, uint64) error { return errors.ErrUnsupported }
func (s *sleeper) Remove(int) error                          { return errors.ErrUnsupported }

// Wait waits for Wake or for the deadline, and reports nothing.
func (s *sleeper) Wait(_ []poller.Event, deadline time.Time) (int, error) {
	if deadline.IsZero() {
		<-s.woken
		return 0, nil
	}
	left := time.Until(deadline)
	if left <= 0 {
		select {
		case <-s.woken:
		default:
		}
		return 0, nil
	}
	s.timer.Reset(left)
	select {
	case <-s.woken:
		s.timer.Stop()
	case <-s.timer.C:
	}
	return 0, nil
}

// Wake makes Wait return.
func (s *sleeper) Wake() error {
	if s.closed.Load() {
		return os.ErrClosed
	}
	select {
	case s.woken <- struct{}{}:
	default:
	}
	return nil
}

func (s *sleeper) Close() error {
	if s.closed.Swap(true) {
		return os.ErrClosed
	}
	return nil
}
