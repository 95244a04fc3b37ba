package session

import (
	"errors"
	"fmt"
	"time"
	"unicode/utf8"

	"github.com/framerail/framerail/frame"
)

// Limits bound what one connection may use, in place of what [Config] says for all. A zero
// field means the Config's, and negative means no limit where it does there. Sizes are in
// bytes, and rates by the second.
type Limits struct {
	// MaxMessageSize and MaxFragments bound a message that arrives. A message that has
	// begun keeps the limits it began with.
	MaxMessageSize int64
	MaxFragments   int
	// MessagesPerSecond and ControlFramesPerSecond bound how fast they arrive. Negative:
	// no limit.
	MessagesPerSecond      int
	ControlFramesPerSecond int
	// CompressionPerSecond bounds what compression takes. Negative: no limit.
	CompressionPerSecond int
	// MaxPending bounds the bytes of frames that wait for the socket. What waits already
	// stays when it becomes less.
	MaxPending int
	// QueueMessages and QueueBytes bound what waits for callbacks on goroutines.
	QueueMessages int
	QueueBytes    int
	// IdleTimeout is how long the peer may be silent, counted anew from a change on.
	// Negative: for ever.
	IdleTimeout time.Duration
	// WriteTimeout is how long the socket may take nothing of what is pending. Negative:
	// for ever.
	WriteTimeout time.Duration
	// CloseTimeout bounds the closing handshake.
	CloseTimeout time.Duration
	// MaxLifetime bounds how long the connection lives: counted from its opening or, if
	// it is changed later, from then on. Negative: no limit.
	MaxLifetime time.Duration
	// DeflateLevel and DeflateThreshold say how messages are compressed where that was
	// agreed on, as in [Deflate]. A negative threshold: all are.
	DeflateLevel     int
	DeflateThreshold int
}

// Validate tells what of the limits cannot be meant; nil for nothing.
func (l Limits) Validate() error {
	for _, o := range [...]struct {
		name  string
		value int64
	}{
		{"MaxMessageSize", l.MaxMessageSize},
		{"MaxFragments", int64(l.MaxFragments)},
		{"MaxPending", int64(l.MaxPending)},
		{"QueueMessages", int64(l.QueueMessages)},
		{"QueueBytes", int64(l.QueueBytes)},
		{"CloseTimeout", int64(l.CloseTimeout)},
		{"DeflateLevel", int64(l.DeflateLevel)},
	} {
		if o.value < 0 {
			return fmt.Errorf("framerail: limits of a connection: %s is negative", o.name)
		}
	}
	if l.DeflateLevel > 9 {
		return errors.New("framerail: limits of a connection: there is no such DeflateLevel")
	}
	return nil
}

// over is l with the values of base where it has none.
func (l Limits) over(base *Limits) Limits {
	orDefault(&l.MaxMessageSize, base.MaxMessageSize)
	orDefault(&l.MaxFragments, base.MaxFragments)
	orDefault(&l.MessagesPerSecond, base.MessagesPerSecond)
	orDefault(&l.ControlFramesPerSecond, base.ControlFramesPerSecond)
	orDefault(&l.CompressionPerSecond, base.CompressionPerSecond)
	orDefault(&l.MaxPending, base.MaxPending)
	orDefault(&l.QueueMessages, base.QueueMessages)
	orDefault(&l.QueueBytes, base.QueueBytes)
	orDefault(&l.IdleTimeout, base.IdleTimeout)
	orDefault(&l.WriteTimeout, base.WriteTimeout)
	orDefault(&l.CloseTimeout, base.CloseTimeout)
	orDefault(&l.MaxLifetime, base.MaxLifetime)
	orDefault(&l.DeflateLevel, base.DeflateLevel)
	orDefault(&l.DeflateThreshold, base.DeflateThreshold)
	return l
}

// limits are what the Config says for connections that say nothing themselves.
func (cfg *Config) limits() Limits {
	return Limits{
		MaxMessageSize: cfg.MaxMessageSize, MaxFragments: cfg.MaxFragments,
		MessagesPerSecond: cfg.MessagesPerSecond, ControlFramesPerSecond: cfg.ControlFramesPerSecond,
		CompressionPerSecond: cfg.CompressionPerSecond,
		MaxPending:           cfg.MaxPending,
		QueueMessages:        cfg.QueueMessages, QueueBytes: cfg.QueueBytes,
		IdleTimeout: cfg.IdleTimeout, WriteTimeout: cfg.WriteTimeout, CloseTimeout: cfg.CloseTimeout,
		MaxLifetime:  cfg.MaxLifetime,
		DeflateLevel: cfg.Deflate.Level, DeflateThreshold: cfg.Deflate.Threshold,
	}
}

// Config is a Config with these limits, and nothing else.
func (l Limits) Config() Config {
	return Config{
		MaxMessageSize: l.MaxMessageSize, MaxFragments: l.MaxFragments,
		MessagesPerSecond: l.MessagesPerSecond, ControlFramesPerSecond: l.ControlFramesPerSecond,
		CompressionPerSecond: l.CompressionPerSecond,
		MaxPending:           l.MaxPending,
		QueueMessages:        l.QueueMessages, QueueBytes: l.QueueBytes,
		IdleTimeout: l.IdleTimeout, WriteTimeout: l.WriteTimeout, CloseTimeout: l.CloseTimeout,
		MaxLifetime: l.MaxLifetime,
		Deflate:     Deflate{Level: l.DeflateLevel, Threshold: l.DeflateThreshold},
	}
}

// limits are those of some connections of a policy, without a zero that means another's. They
// do not change: a connection that gets others points elsewhere.
type limits struct {
	Limits
	policy *Policy
	costs  rateCosts
	// terms are those of connections that have these limits, and no callbacks of their own.
	terms terms
	users int // connections; guarded by the policy's sharing.mu
	// By which the stamps of the heartbeat and of the close timeout are shifted.
	idleShift, closeShift uint8
}

// terms are what a connection goes by: its callbacks and its limits. They do not change.
type terms struct {
	Handlers
	limits *limits
	answer *AutoAnswer // nil for none
}

// AutoAnswer is a text that is answered without the program. An empty Request is none.
type AutoAnswer struct{ Request, Answer string }

// validate refuses an answer that could not be sent as a text.
func (a AutoAnswer) validate() error {
	if !utf8.ValidString(a.Answer) {
		return errAnswerNotUTF8
	}
	return nil
}

var errAnswerNotUTF8 = fmt.Errorf("%w: the answer of AutoAnswer", ErrNotUTF8)

// orNil is a pointer to a copy, or nil for none.
func (a AutoAnswer) orNil() *AutoAnswer {
	if a.Request == "" {
		return nil
	}
	return &a
}

// frame is what a Decoder must know of them.
func (l *limits) frame() frame.Limits {
	return frame.Limits{MaxMessageSize: l.MaxMessageSize, MaxFragments: l.MaxFragments}
}

// holdMark is how many pending bytes stop the peer from being read: three eighths of
// the bound. With the defaults that leaves room for the answer that passes the mark,
// for those to all that a full queue for goroutines holds, and to the message that
// filled it: a program that answers what it gets never passes the bound.
func (l *limits) holdMark() int { return l.MaxPending - l.MaxPending/8*5 }

// useLimits are limits of the policy with those values, for one more connection, which are
// given back with leaveLimits. From any goroutine, as the next one.
func (p *Policy) useLimits(of Limits) *limits {
	if of == p.limits.Limits {
		return p.limits
	}
	s := &p.sharing
	s.mu.Lock()
	defer s.mu.Unlock()
	own := s.of[of]
	if own == nil {
		if s.of == nil {
			s.of = make(map[Limits]*limits)
		}
		own = p.newLimits(of)
		s.of[of] = own
	}
	own.users++
	return own
}

func (p *Policy) leaveLimits(own *limits) {
	if own == p.limits {
		return
	}
	s := &p.sharing
	s.mu.Lock()
	defer s.mu.Unlock()
	if own.users--; own.users == 0 {
		delete(s.of, own.Limits)
	}
}
