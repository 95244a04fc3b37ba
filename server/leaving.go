package server

import (
	"cmp"
	"errors"
	"fmt"
	"time"

	"github.com/framerail/framerail/frame"
	"github.com/framerail/framerail/internal/loop"
)

// Leaving says how Shutdown parts with the clients. The zero value closes all of them at once, with 1001.
// Clients of one server that are all closed at once all come back at once, to the servers that are left.
//
// The last clients must have time to answer before the context of Shutdown ends. If the context has a deadline, Notice
// and Window are shortened in proportion, so that CloseTimeout is left behind them, or half of the time if
// that is more.
type Leaving struct {
	// Notice is how long Shutdown only has Draining report true, before it does anything. So a health check fails
	// first, and balancers choose other servers. Meanwhile this server accepts clients as ever.
	// 0: it stops accepting at once.
	Notice time.Duration
	// Window is the time over which the Close frames are then spread, evenly. A client leaves up to
	// 50 ms late. A client that opens within the window leaves at random in what is left of it. 0: all leave at once.
	Window time.Duration
	// OldestFirst and NewestFirst set the order by which clients leave within the window: by the
	// time since they came. Only one of them can be set. With several event loops the order holds for the
	// clients of each. Neither: at random.
	OldestFirst, NewestFirst bool
	// Code is the close code. [frame.ServiceRestart] (1012) says that the server comes back.
	// 0: [frame.GoingAway] (1001).
	Code frame.CloseCode
}

// validate refuses impossible settings.
func (o *Leaving) validate() error {
	switch {
	case o.Notice < 0:
		return errors.New("framerail: Leaving.Notice is negative")
	case o.Window < 0:
		return errors.New("framerail: Leaving.Window is negative")
	case o.OldestFirst && o.NewestFirst:
		return errors.New("framerail: Leaving has OldestFirst and NewestFirst: one order only")
	}
	if _, err := frame.AppendClose(nil, o.Code, ""); err != nil {
		return fmt.Errorf("framerail: Leaving.Code %d cannot be sent: %w", o.Code, err)
	}
	return nil
}

// within shortens the times of o for a shutdown that has so much time. Its last clients need patience to answer.
func (o Leaving) within(left, patience time.Duration) Leaving {
	most := float64(max(left-patience, left/2, 0))
	if both := float64(o.Notice) + float64(o.Window); both > most {
		o.Notice = time.Duration(most * float64(o.Notice) / both)
		o.Window = time.Duration(most * float64(o.Window) / both)
	}
	return o
}

// draining is what the loops of a server do.
func (o *Leaving) draining(loops int) loop.Draining {
	d := loop.Draining{Window: o.Window, Code: cmp.Or(o.Code, frame.GoingAway), Loops: loops}
	switch {
	case o.OldestFirst:
		d.Order = loop.OldestFirst
	case o.NewestFirst:
		d.Order = loop.NewestFirst
	}
	return d
}

// Draining reports whether the server is about to end: Shutdown or Close was called. A health check should then fail, so that
// balancers send clients elsewhere.
func (s *Server) Draining() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.draining
}
