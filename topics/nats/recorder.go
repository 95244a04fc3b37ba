package nats

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/framerail/framerail/topics"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// Defaults of a [Recorder].
const (
	DefaultMaxAge   = 24 * time.Hour
	DefaultMaxBytes = 1 << 30
)

// Recorder is NATS with JetStream as a [topics.Recorder]. It makes its stream when it is not there. The
// server must be of version 2.11 or later.
type Recorder struct {
	Broker
	// Stream is the name of the stream. "": the Prefix with "-" in the place of ".".
	Stream string
	// Replicas is how many servers of a cluster have the stream. With one, topics that keep something wait while
	// that server is down. 0: 1.
	Replicas int
	// MaxAge is how long messages are kept, unless a topic's History asks for more. 0: 24 hours.
	MaxAge time.Duration
	// MaxBytes bounds the stream, in bytes. The oldest messages make room. 0: 1 GiB.
	MaxBytes int64

	store atomic.Pointer[store] // of the last connection
}

// Run implements [topics.Broker].
func (r *Recorder) Run(ctx context.Context, n topics.Node) error {
	return r.run(ctx, n, func(ctx context.Context, l *link) error {
		limited, cancel := context.WithTimeout(ctx, patience)
		defer cancel()
		s, err := r.open(limited, l)
		if err == nil {
			r.store.Store(s)
		}
		return err
	})
}

// store is the stream, over one connection.
type store struct {
	link    *link
	js      jetstream.JetStream
	stream  jetstream.Stream
	name    string
	subject string // begins the subjects of what is stored
	limits  atomic.Pointer[limits]
	acks    acks
}

// kept begins the subjects of what the stream stores.
func (r *Recorder) kept() string { return r.prefix() + "-kept." }

var errServer = errors.New("framerail: Recorder needs nats-server 2.11 or later")

// errRemade ends a connection, so that the next one begins with the new stream.
var errRemade = errors.New("framerail: the stream was deleted, or made anew")

// open looks the stream up, or makes it.
func (r *Recorder) open(ctx context.Context, l *link) (*store, error) {
	var major, minor int
	if _, err := fmt.Sscanf(l.nc.ConnectedServerVersion(), "%d.%d", &major, &minor); err != nil || major < 2 || major == 2 && minor < 11 {
		return nil, fmt.Errorf("%w: this one is %q", errServer, l.nc.ConnectedServerVersion())
	}
	js, err := jetstream.New(l.nc)
	if err != nil {
		return nil, err
	}
	s := &store{link: l, js: js, name: r.streamName(), subject: r.kept()}
	// Before the look-up, so that a stream that goes after it is noticed.
	_, err = l.nc.Subscribe("$JS.EVENT.ADVISORY.STREAM.DELETED."+s.name, func(*nats.Msg) { l.fail(errRemade) })
	if err != nil {
		return nil, err
	}
	if err := s.acks.listen(l.nc); err != nil {
		return nil, err
	}
	info, err := s.ensureSoon(ctx, r.config())
	if errors.Is(err, nats.ErrNoResponders) {
		err = jetstream.ErrJetStreamNotEnabled
	}
	if err != nil {
		return nil, fmt.Errorf("framerail: stream %q: %w", s.name, err)
	}
	l.epoch = epochOf(info)
	l.refusals.listen(s.acks.refused)
	return s, l.demand(ctx)
}

// opened is the stream of the present connection.
func (r *Recorder) opened() (*store, error) {
	l, err := r.connected()
	if err != nil {
		return nil, err
	}
	if s := r.store.Load(); s != nil && s.link == l {
		return s, nil
	}
	return nil, errDown
}
