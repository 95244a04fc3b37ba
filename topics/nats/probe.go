package nats

import (
	"context"
	"maps"
	"strconv"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
)

// How long a node waits for answers of other servers.
const (
	acquaintance = 100 * time.Millisecond // for those of which it does not know, when it connects
	silence      = time.Second            // for those that it knows. After it they count as gone
	subscribing  = 50 * time.Microsecond  // longer for each topic, because servers take their time for many
)

// probe makes sure that the servers of a cluster know of an interest, if they have nodes. A server confirms
// an interest before others know of it. What they are sent later comes behind it. So when a
// node at another server answers a probe, that server knows the interest.
type probe struct {
	nc      *nats.Conn
	subject string
	inbox   string
	server  string // of this node
	alone   bool   // the server is in no cluster

	mu    sync.Mutex
	known map[string]bool // guarded by mu: other servers that have nodes
	round int             // guarded by mu
	open  map[string]bool // guarded by mu: those that have not answered in this round
	done  chan struct{}   // guarded by mu: closed when all have
}

// listen begins to answer probes, and finds out which servers have nodes.
func (p *probe) listen(ctx context.Context, l *link, subject string) error {
	p.nc, p.subject, p.server = l.nc, subject, l.nc.ConnectedServerId()
	if p.alone = p.nc.ConnectedClusterName() == ""; p.alone {
		return nil
	}
	p.known = make(map[string]bool)
	p.inbox = p.nc.NewInbox()
	if _, err := p.nc.Subscribe(p.inbox+".*", p.answered); err != nil {
		return err
	}
	// One node of each server answers.
	if _, err := p.nc.QueueSubscribe(subject, p.server, p.answer); err != nil {
		return err
	}
	p.begin()
	if err := p.ask(ctx, l); err != nil {
		return err
	}
	if err := l.refusals.any(); err != nil {
		return err
	}
	t := time.NewTimer(acquaintance)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// answer answers the probe of another node.
func (p *probe) answer(m *nats.Msg) {
	p.mu.Lock()
	p.know(string(m.Data))
	p.mu.Unlock()
	_ = m.Respond([]byte(p.server)) // without an answer the connection is broken, and ends
}

// know notes that a server has nodes. mu is held.
func (p *probe) know(server string) {
	if server != p.server {
		p.known[server] = true
	}
}

// answered takes an answer.
func (p *probe) answered(m *nats.Msg) {
	p.mu.Lock()
	defer p.mu.Unlock()
	server := string(m.Data)
	p.know(server)
	if m.Subject != p.inbox+"."+strconv.Itoa(p.round) || !p.open[server] {
		return
	}
	if delete(p.open, server); len(p.open) == 0 {
		close(p.done)
	}
}

// begin begins a round, and reports what to wait for. nil: no other server has nodes.
func (p *probe) begin() chan struct{} {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.round++
	p.open, p.done = maps.Clone(p.known), make(chan struct{})
	if len(p.open) == 0 {
		return nil
	}
	return p.done
}

// ask sends a probe.
func (p *probe) ask(ctx context.Context, l *link) error {
	p.mu.Lock()
	reply := p.inbox + "." + strconv.Itoa(p.round)
	p.mu.Unlock()
	if err := p.nc.PublishRequest(p.subject, reply, []byte(p.server)); err != nil {
		return err
	}
	return l.flush(ctx)
}

// confirm waits until all servers with nodes know the interest in so many topics, which was sent before.
func (p *probe) confirm(ctx context.Context, l *link, many int) error {
	if p.alone {
		return l.flush(ctx)
	}
	done := p.begin()
	if done == nil {
		return l.flush(ctx)
	}
	if err := p.ask(ctx, l); err != nil {
		return err
	}
	t := time.NewTimer(silence + time.Duration(many)*subscribing)
	defer t.Stop()
	select {
	case <-done:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	case <-l.ended:
		return nats.ErrConnectionClosed
	case <-t.C:
		p.forget()
		return nil
	}
}

// forget forgets servers that have not answered. They come back with a probe of their own.
func (p *probe) forget() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for server := range p.open {
		delete(p.known, server)
	}
	clear(p.open)
}
