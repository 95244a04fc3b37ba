// Package sampler bounds what a log gets of each kind of event.
package sampler

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/framerail/framerail/frame"
)

const (
	// Burst is how many lines of one kind pass at once, and Every how often one passes after that.
	Burst = 10
	Every = time.Second
	// kindsMost bounds how many kinds are remembered.
	kindsMost = 256
)

// Handler is a slog.Handler that keeps a flood of the same event from filling a disk. Of each kind, Burst
// lines pass at once, and one in Every after that. The next one that passes has the number of those that
// did not, as the attribute "more". Safe from any goroutine.
type Handler struct {
	next  slog.Handler
	now   func() time.Time
	kinds *kinds
	kind  string // of all its lines; "" for each line's own
}

// New makes a handler that passes lines on to next, with a clock.
func New(next slog.Handler, now func() time.Time) *Handler {
	return &Handler{next: next, now: now, kinds: new(kinds)}
}

// Of is a handler for lines that are all of one kind, whatever they say.
func (s *Handler) Of(kind string) *Handler {
	return &Handler{next: s.next, now: s.now, kinds: s.kinds, kind: kind}
}

// Enabled implements slog.Handler, as the next three do.
func (s *Handler) Enabled(ctx context.Context, level slog.Level) bool {
	return s.next.Enabled(ctx, level)
}

// Handle drops a line that is one too many of its kind.
func (s *Handler) Handle(ctx context.Context, r slog.Record) error {
	kind := s.kind
	if kind == "" {
		kind = kindOf(r)
	}
	more, ok := s.kinds.sample(kind, s.now())
	if !ok {
		return nil
	}
	if more > 0 {
		r = r.Clone()
		r.AddAttrs(slog.Int("more", more))
	}
	return s.next.Handle(ctx, r)
}

// WithAttrs implements slog.Handler.
func (s *Handler) WithAttrs(attrs []slog.Attr) slog.Handler {
	return &Handler{next: s.next.WithAttrs(attrs), now: s.now, kinds: s.kinds, kind: s.kind}
}

// WithGroup implements slog.Handler.
func (s *Handler) WithGroup(name string) slog.Handler {
	return &Handler{next: s.next.WithGroup(name), now: s.now, kinds: s.kinds, kind: s.kind}
}

// kindOf is what a line says, without what differs from one client to the next: the
// reason of a refusal and the rule that was broken are the library's own words.
func kindOf(r slog.Record) string {
	kind := r.Message
	r.Attrs(func(a slog.Attr) bool {
		switch a.Key {
		case "code", "reason", "callback":
			kind = fmt.Sprint(kind, "\x00", a.Value)
		case "error":
			err, _ := a.Value.Any().(error)
			if fault := (*frame.Error)(nil); errors.As(err, &fault) {
				kind += "\x00" + fault.Rule
			}
		}
		return true
	})
	return kind
}

// kinds is when lines were let pass. The zero value is ready. Safe from any goroutine.
type kinds struct {
	mu sync.Mutex
	of map[string]sample
}

type sample struct {
	due  time.Time // when the next might pass, were there no burst
	more int       // that did not pass since the last one that did
}

// sample tells whether a line may pass, and how many of its kind did not since the
// last one that did.
func (k *kinds) sample(kind string, now time.Time) (more int, ok bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.of == nil || len(k.of) >= kindsMost {
		k.of = make(map[string]sample) // they were not meant to be so many
	}
	s := k.of[kind]
	if s.due.Before(now) {
		s.due = now
	}
	if s.due.Sub(now) > (Burst-1)*Every {
		s.more++
		k.of[kind] = s
		return 0, false
	}
	k.of[kind] = sample{due: s.due.Add(Every)}
	return s.more, true
}
