package redis

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"time"

	"github.com/redis/rueidis"

	"github.com/framerail/framerail/topics"
)

// Defaults of the fields of [Broker].
const (
	DefaultAddr      = "127.0.0.1:6379"
	DefaultPrefix    = "framerail:"
	DefaultTimeout   = 5 * time.Second
	DefaultRetention = 24 * time.Hour
)

// Broker is a [topics.Recorder] on Redis, version 7 or later, or on Valkey. The zero value is ready to use. Set the
// fields before the Topics start, and do not share a Broker between Topics. All nodes need the same
// Prefix, Retention, Durable and NoPatterns.
type Broker struct {
	// Client says where Redis is, with user, password and TLS. Without InitAddress it is
	// 127.0.0.1:6379. A cluster and Sentinel are used if they are given.
	//
	// A server that does not answer for ConnWriteTimeout is lost. 0: 5 s. Idle connections are
	// asked each Dialer.KeepAlive. 0: 1 s. The Broker itself sets what concerns retries, replicas, caching,
	// pools and the lifetime of connections.
	Client rueidis.ClientOption

	// Prefix is what the names of all keys and channels begin with. It must not have braces. "": framerail:
	Prefix string

	// Retention is how long Redis keeps the position of a topic, and what History.Last keeps, after
	// it was last used: published to, or asked for. A longer History.Age counts instead. So does Retention
	// in place of an Age of 0. Positions from before are answered by ErrGap. 0: 24 h.
	Retention time.Duration

	// Durable says that the server never loses what it has confirmed, also when it is killed: that it has
	// "appendfsync always", or writes that wait for replicas. Positions then survive a restart. Otherwise each
	// start of a server, and each failover, begins new epochs: what was confirmed may be missing.
	Durable bool

	// NoPatterns saves what subscriptions with wildcards cost each Publish. Those then get what
	// their own node publishes, and nothing of others.
	NoPatterns bool

	session atomic.Pointer[session]
}

var _ topics.Recorder = (*Broker)(nil)

var (
	errDown   = errors.New("framerail: redis: not connected")
	errPrefix = errors.New("framerail: redis: Prefix must not have braces")
)

// Run implements topics.Broker.
func (b *Broker) Run(ctx context.Context, n topics.Node) error {
	if strings.ContainsAny(b.Prefix, "{}") {
		return errPrefix
	}
	s := newSession(ctx, b, n)
	defer s.close()
	if err := s.connect(); err != nil {
		s.fail(err)
		return context.Cause(s.ctx)
	}
	b.session.Store(s)
	defer b.session.Store(nil)
	n.Up()
	<-s.ctx.Done()
	return context.Cause(s.ctx)
}

// connected is the session of the Run that is under way.
func (b *Broker) connected() (*session, error) {
	if s := b.session.Load(); s != nil {
		return s, nil
	}
	return nil, errDown
}

// options are the program's, with what the Broker relies on.
func (b *Broker) options() rueidis.ClientOption {
	o := b.Client
	if len(o.InitAddress) == 0 {
		o.InitAddress = []string{DefaultAddr}
	}
	if o.ConnWriteTimeout == 0 {
		o.ConnWriteTimeout = DefaultTimeout
	}
	// A connection that is lost must end Run. So nothing is sent again on another one.
	o.DisableRetry, o.ConnLifetime = true, 0
	o.PipelineMultiplex, o.BlockingPipeline, o.BlockingPoolSize, o.DisableAutoPipelining = -1, -1, 0, false
	// What is not on the primary yet is not there.
	o.ReplicaOnly, o.SendToReplicas, o.Standalone.ReplicaAddress = false, nil, nil
	// Only RESP3 takes commands and messages on one connection.
	o.DisableCache, o.AlwaysRESP2 = true, false
	return o
}

func (b *Broker) retention(keep *topics.History) (known, messages time.Duration) {
	known = b.Retention
	if known <= 0 {
		known = DefaultRetention
	}
	known = max(known, keep.Age)
	messages = known
	if keep.Age > 0 && !keep.Last {
		messages = keep.Age
	}
	return known, messages
}

func wrap(doing string, err error) error { return fmt.Errorf("framerail: redis: %s: %w", doing, err) }
