package nats

import (
	"context"
	"net"
	"strings"
	"sync"

	"github.com/framerail/framerail/topics"
	"github.com/nats-io/nats.go"
)

// handedOver is how many messages the client of NATS may be ahead of the inbox, which takes them
// at once.
const handedOver = 1 << 15

// link is one connection to NATS, and what belongs to it.
type link struct {
	nc     *nats.Conn
	node   topics.Node
	prefix string // of the subjects that arrive
	epoch  uint64 // of positions; set before start, by a Recorder
	newest uint64 // owned by collect: the highest offset

	messages chan *nats.Msg // of all subscriptions
	inbox    inbox
	probe    probe
	refusals refusals
	running  sync.WaitGroup

	once  sync.Once
	ended chan struct{} // closed when the connection is to end
	cause error         // set before ended is closed

	mu   sync.Mutex
	subs map[string]*nats.Subscription // guarded by mu: by subject
}

// connect connects.
func (b *Broker) connect(ctx context.Context, n topics.Node) (*link, error) {
	most := b.MaxInbox
	if most <= 0 {
		most = DefaultMaxInbox
	}
	l := &link{
		node: n, prefix: b.prefix() + ".", messages: make(chan *nats.Msg, handedOver),
		ended: make(chan struct{}), subs: make(map[string]*nats.Subscription),
	}
	l.inbox.init(most)
	o, err := b.options(ctx, l)
	if err != nil {
		return nil, err
	}
	l.nc, err = o.Connect()
	if ctx.Err() != nil && err != nil {
		err = ctx.Err()
	}
	return l, err
}

// options are the program's options with those that a Broker must have.
func (b *Broker) options(ctx context.Context, l *link) (nats.Options, error) {
	o := nats.GetDefaultOptions()
	for s := range strings.SplitSeq(b.URL, ",") {
		if s = strings.TrimSpace(s); s != "" {
			o.Servers = append(o.Servers, s)
		}
	}
	o.Name = "framerail " + l.node.ID()
	o.Timeout, o.FlusherTimeout = patience/2, patience
	o.PingInterval, o.MaxPingsOut = patience, 1
	for _, set := range b.Options {
		if set == nil {
			continue
		}
		if err := set(&o); err != nil {
			return o, err
		}
	}
	o.AllowReconnect, o.RetryOnFailedConnect = false, false
	o.NoEcho = true // the node's own messages are delivered already
	if o.CustomDialer == nil {
		d := net.Dialer{}
		if o.Dialer != nil {
			d = *o.Dialer
		}
		d.Timeout = o.Timeout
		o.CustomDialer = dialer{ctx, &d}
	}
	closed, failed := o.ClosedCB, o.AsyncErrorCB
	o.ClosedCB = func(nc *nats.Conn) {
		err := nc.LastError()
		if err == nil {
			err = nats.ErrConnectionClosed
		}
		l.fail(err)
		if closed != nil {
			closed(nc)
		}
	}
	o.AsyncErrorCB = func(nc *nats.Conn, sub *nats.Subscription, err error) {
		switch {
		case err == nats.ErrSlowConsumer: // reported once for each subscription, however much is dropped
			l.fail(errSlow)
		case isRefusal(err):
			l.refusals.note(err)
		}
		if failed != nil {
			failed(nc, sub, err)
		}
	}
	return o, nil
}

// dialer dials until ctx ends, and closes what it has dialled then.
type dialer struct {
	ctx context.Context
	d   *net.Dialer
}

func (d dialer) Dial(network, address string) (net.Conn, error) {
	c, err := d.d.DialContext(d.ctx, network, address)
	if err == nil { // a server that says nothing, or a write that blocks, does not outlast ctx
		context.AfterFunc(d.ctx, func() { _ = c.Close() })
	}
	return c, err
}

// start begins to hand over what arrives.
func (l *link) start() {
	l.running.Go(func() {
		l.collect()
		l.inbox.close()
	})
	l.running.Go(func() { l.inbox.deliver(l.node) })
}

// fail ends the connection. The first cause counts.
func (l *link) fail(cause error) {
	l.once.Do(func() {
		l.cause = cause
		close(l.ended)
	})
}

// wait waits for the end of ctx or of the connection, and until the node is not called any more.
func (l *link) wait(ctx context.Context) error {
	select {
	case <-ctx.Done():
	case <-l.ended:
	}
	err := ctx.Err()
	if err != nil {
		l.inbox.discard()
		l.fail(err)
	}
	l.nc.Close()
	l.running.Wait()
	if err == nil {
		err = l.cause
	}
	return err
}

// collect moves what arrives into the inbox, at once. So the channel is never full, and what is dropped is dropped there.
func (l *link) collect() {
	for {
		select {
		case m := <-l.messages:
			l.take(m)
		case <-l.ended:
			for {
				select {
				case m := <-l.messages:
					l.take(m)
				default:
					return
				}
			}
		}
	}
}

// take puts a message into the inbox.
func (l *link) take(m *nats.Msg) {
	p := topics.Packet{Topic: strings.TrimPrefix(m.Subject, l.prefix), Data: m.Data}
	if l.epoch != 0 {
		p.At, p.Prev = placeOf(m, l.epoch)
		if p.At.Offset != 0 && p.At.Offset < l.newest { // the stream begins again, or has another leader
			l.fail(errRemade)
			return
		}
		l.newest = max(l.newest, p.At.Offset)
	}
	l.inbox.put(p)
}

// subscribe begins and ends subscriptions, and returns those that are new. The server has not confirmed them yet.
func (l *link) subscribe(prefix string, on, off []string) (begun []string, err error) {
	for _, topic := range on {
		if err := fitting(topic); err != nil {
			return nil, err
		}
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, topic := range off {
		sub := l.subs[topic]
		if sub == nil {
			continue
		}
		if err := sub.Unsubscribe(); err != nil {
			return nil, err
		}
		delete(l.subs, topic)
	}
	for _, topic := range on {
		if l.subs[topic] != nil {
			continue
		}
		sub, err := l.nc.ChanSubscribe(prefix+topic, l.messages)
		if err != nil {
			return begun, err
		}
		l.subs[topic] = sub
		begun = append(begun, topic)
	}
	return begun, nil
}

// discard ends subscriptions, some of which the server has refused.
func (l *link) discard(topics []string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, topic := range topics {
		_ = l.subs[topic].Unsubscribe() // without effect on what was refused, or when the connection is lost
		delete(l.subs, topic)
	}
}

// flush waits until the server has answered to all that was sent. What it has refused is in refusals then. If it
// does not answer, the connection is lost.
func (l *link) flush(ctx context.Context) error {
	limited, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	if err := l.nc.FlushWithContext(limited); err != nil {
		if ctx.Err() == nil {
			l.fail(err)
		}
		return err
	}
	l.refusals.settle(limited, l)
	return nil
}

// demand is flush for what a connection cannot do without.
func (l *link) demand(ctx context.Context) error {
	if err := l.flush(ctx); err != nil {
		return err
	}
	return l.refusals.any()
}
