//go:build !linux && !darwin && !freebsd && !netbsd && !openbsd && !dragonfly

package poller

import "time"

// platform is empty: New fails, so there is never a Poller to hold one.
type platform struct{}

func (p *Poller) open() error                               { return ErrUnsupported }
func (p *Poller) attach(fd int, i Interest, t uint64) error { return ErrUnsupported }
func (p *Poller) change(fd int, i Interest, t uint64) error { return ErrUnsupported }
func (p *Poller) detach(fd int) error                       { return ErrUnsupported }
func (p *Poller) poll(events []Event) (int, error)          { return 0, ErrUnsupported }
func (p *Poller) arm(deadline time.Time) error              { return ErrUnsupported }
func (p *Poller) park(events []Event) (int, error)          { return 0, ErrUnsupported }
func (p *Poller) unpark() error                             { return ErrUnsupported }
func (p *Poller) close() error                              { return ErrUnsupported }
