package nats

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/framerail/framerail/topics"
	"github.com/nats-io/nats.go"
)

// Defaults of a [Broker].
const (
	DefaultPrefix   = "framerail"
	DefaultMaxInbox = 64 << 20 // bytes
)

// patience is how long a server may take to answer. After it the connection counts as lost.
const patience = 10 * time.Second

// Broker is core NATS as a [topics.Broker]. The zero value connects to a server on this machine. Set
// the fields before the first call. One Broker is for one Topics.
type Broker struct {
	// URL is the address of a server, or several between commas. "": nats://127.0.0.1:4222.
	URL string
	// Options are those of the client of NATS: TLS, credentials, names, other timeouts. Reconnecting stays off.
	Options []nats.Option
	// Prefix begins all subjects. Programs that share a server need different ones. "": "framerail".
	Prefix string
	// MaxInbox bounds the messages that wait for the Topics, in bytes. Beyond it they are dropped, and the
	// Topics is informed of the gap. 0: 64 MiB.
	MaxInbox int

	mu   sync.Mutex
	live *link // guarded by mu: nil unless Run has called Up
}

var (
	_ topics.Broker   = (*Broker)(nil)
	_ topics.Recorder = (*Recorder)(nil)
)

var (
	errDown    = errors.New("framerail: not connected to NATS")
	errRunning = errors.New("framerail: Broker.Run is running already")
	errName    = errors.New("framerail: the name of the topic is too long for NATS")
	errSlow    = errors.New("framerail: messages from NATS were dropped: the process is too slow")
)

func (b *Broker) prefix() string {
	if b.Prefix == "" {
		return DefaultPrefix
	}
	return b.Prefix
}

// subject is the subject on which the messages of a topic or pattern arrive.
func (b *Broker) subject(topic string) string { return b.prefix() + "." + topic }

// maxName is how long a name may be. A server cuts a connection whose command without its payload has more than
// 4 KiB, by default.
const maxName = 3 << 10

// fitting reports whether NATS can carry a topic or pattern.
func fitting(topic string) error {
	if len(topic) > maxName {
		return errName
	}
	return nil
}

// Run implements [topics.Broker].
func (b *Broker) Run(ctx context.Context, n topics.Node) error {
	return b.run(ctx, n, func(context.Context, *link) error { return nil })
}

// run is Run. prepare is called with a connection before the node is up.
func (b *Broker) run(ctx context.Context, n topics.Node, prepare func(context.Context, *link) error) error {
	dialling, cancel := context.WithCancel(ctx)
	defer cancel()
	l, err := b.connect(dialling, n)
	if err != nil {
		return err
	}
	err = l.probe.listen(ctx, l, b.prefix()+"-probe")
	if err == nil {
		err = prepare(ctx, l)
	}
	if err != nil {
		l.fail(err)
		return l.wait(ctx)
	}
	b.mu.Lock()
	if b.live != nil {
		b.mu.Unlock()
		l.fail(errRunning)
		return l.wait(ctx)
	}
	b.live = l
	b.mu.Unlock()
	n.Up()
	l.start()
	err = l.wait(ctx)
	b.mu.Lock()
	b.live = nil
	b.mu.Unlock()
	return err
}

// connected is the connection, while there is one.
func (b *Broker) connected() (*link, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.live == nil {
		return nil, errDown
	}
	return b.live, nil
}

// Publish implements [topics.Broker]. It returns when the server has confirmed the messages. Behind one for whose topic rights are missing,
// those of other topics may have been taken.
func (b *Broker) Publish(ctx context.Context, ms []topics.Packet) (taken int, err error) {
	l, err := b.connected()
	if err != nil || len(ms) == 0 {
		return 0, err
	}
	var refused error
	l.refusals.clear()
	for i := range ms {
		if refused = fitting(ms[i].Topic); refused == nil {
			refused = l.nc.Publish(b.subject(ms[i].Topic), ms[i].Data)
		}
		if refused != nil {
			break
		}
		taken++
	}
	if err := l.flush(ctx); err != nil {
		return 0, err
	}
	n, err := l.refusals.accepted(taken, func(i int) string { return b.subject(ms[i].Topic) })
	if err != nil {
		return n, err
	}
	return taken, refused
}

// Interest implements [topics.Broker].
func (b *Broker) Interest(ctx context.Context, on, off []string) error {
	l, err := b.connected()
	if err != nil {
		return err
	}
	begun, err := l.change(ctx, b.prefix()+".", on, off)
	if err != nil {
		l.discard(begun)
	}
	return err
}

// change begins and ends interest, and returns the topics that are new.
func (l *link) change(ctx context.Context, prefix string, on, off []string) (begun []string, err error) {
	all, many := on, len(on)+len(off)
	l.refusals.clear()
	for len(on)+len(off) > 0 {
		var now [2][]string
		now[0], on = cut(on)
		now[1], off = cut(off)
		some, err := l.subscribe(prefix, now[0], now[1])
		begun = append(begun, some...)
		if err != nil {
			return begun, err
		}
		if len(on)+len(off) > 0 {
			if err := l.flush(ctx); err != nil {
				return begun, err
			}
		}
	}
	if err := l.probe.confirm(ctx, l, many); err != nil {
		return begun, err
	}
	return begun, l.refusals.interest(prefix, all, l.probe.subject)
}

// atOnce is how many subscriptions a server must confirm within patience.
const atOnce = 5_000

// cut cuts a list after atOnce.
func cut(all []string) (first, rest []string) {
	n := min(len(all), atOnce)
	return all[:n], all[n:]
}
