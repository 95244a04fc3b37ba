package redis

import (
	"context"
	"crypto/tls"
	_ "embed"
	"errors"
	"net"
	"strings"
	"sync"

	"github.com/redis/rueidis"

	"github.com/framerail/framerail/topics"
)

//go:embed publish.lua
var publishScript string

//go:embed position.lua
var positionScript string

// session is one Run of a Broker: its connections, until one of them is lost. Its methods may be called
// from any goroutine.
type session struct {
	broker *Broker
	prefix string
	node   topics.Node
	ctx    context.Context // ends when the session does
	cancel context.CancelCauseFunc

	// Set by connect.
	client     rueidis.Client
	all        []*link
	links      [partitions]*link // the server of each partition
	isCluster  bool
	isSentinel bool
	publish    string // the hashes of scripts
	position   string

	wg    sync.WaitGroup // reads of lost connections
	mu    sync.Mutex
	conns []net.Conn // guarded by mu
	over  bool       // guarded by mu

	interest interest
}

func newSession(ctx context.Context, b *Broker, n topics.Node) *session {
	s := &session{broker: b, prefix: b.Prefix, node: n}
	if s.prefix == "" {
		s.prefix = DefaultPrefix
	}
	s.ctx, s.cancel = context.WithCancelCause(ctx)
	context.AfterFunc(s.ctx, s.hangUp)
	return s
}

// fail ends the session. The first reason counts.
func (s *session) fail(err error) { s.cancel(err) }

// connect makes the connections.
func (s *session) connect() (err error) {
	o := s.broker.options()
	dial := o.DialCtxFn
	if old := o.DialFn; dial == nil && old != nil {
		dial = func(_ context.Context, addr string, d *net.Dialer, t *tls.Config) (net.Conn, error) {
			return old(addr, d, t)
		}
	}
	if dial == nil {
		dial = dialTCP
	}
	o.DialCtxFn = func(ctx context.Context, addr string, d *net.Dialer, t *tls.Config) (net.Conn, error) {
		ctx, cancel := context.WithCancel(ctx)
		defer cancel()
		defer context.AfterFunc(s.ctx, cancel)()
		c, err := dial(ctx, addr, d, t)
		if err != nil {
			return nil, err
		}
		return c, s.keep(c)
	}
	if s.client, err = rueidis.NewClient(o); err != nil {
		return wrap("connecting", err)
	}
	s.isSentinel = s.client.Mode() == rueidis.ClientModeSentinel
	if s.client.Mode() == rueidis.ClientModeCluster {
		s.isCluster = true
		return s.findServers()
	}
	l, err := s.open(s.client)
	if err != nil {
		return err
	}
	for i := range s.links {
		s.links[i] = l
	}
	return nil
}

func dialTCP(ctx context.Context, addr string, d *net.Dialer, t *tls.Config) (net.Conn, error) {
	if t != nil {
		return (&tls.Dialer{NetDialer: d, Config: t}).DialContext(ctx, "tcp", addr)
	}
	return d.DialContext(ctx, "tcp", addr)
}

// findServers asks each server of the cluster for each partition. One that does not have it
// answers MOVED, and a replica does so for all.
func (s *session) findServers() error {
	var last error
	for _, c := range s.client.Nodes() {
		client, release := c.Dedicate()
		cmds := make([]rueidis.Completed, partitions)
		for i := range cmds {
			cmds[i] = client.B().Xrange().Key(s.name(i, kindStream, "")).Start("-").End("+").Count(1).Build()
		}
		var its []int
		for i, r := range client.DoMulti(s.ctx, cmds...) {
			if err := r.Error(); err == nil {
				its = append(its, i)
			} else if !isMoved(err) {
				last = err
			}
		}
		release()
		if len(its) == 0 {
			continue
		}
		l, err := s.open(c)
		if err != nil {
			return err
		}
		for _, i := range its {
			s.links[i] = l
		}
	}
	for _, l := range s.links {
		if l == nil {
			return wrap("finding the servers of the cluster", errors.Join(errNoServer, last))
		}
	}
	return nil
}

func isMoved(err error) bool {
	refused, ok := rueidis.IsRedisErr(err)
	if ok {
		_, ok = refused.IsMoved()
	}
	return ok
}

var errNoServer = errors.New("no server has some of the slots")

// keep remembers a connection, so that it ends with the session.
func (s *session) keep(c net.Conn) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.over {
		c.Close()
		return context.Cause(s.ctx)
	}
	s.conns = append(s.conns, c)
	return nil
}

// hangUp closes all connections.
func (s *session) hangUp() {
	s.mu.Lock()
	conns := s.conns
	s.conns, s.over = nil, true
	s.mu.Unlock()
	for _, c := range conns {
		if t, ok := c.(*tls.Conn); ok {
			c = t.NetConn() // a last record would wait for a peer that does not read
		}
		c.Close()
	}
}

// close ends the session, and returns when the node is not called any more.
func (s *session) close() {
	s.fail(context.Canceled)
	s.hangUp()
	s.wg.Wait()
	for _, l := range s.all {
		l.commands.Close()
		l.messages.Close()
	}
	if s.client != nil {
		s.client.Close()
	}
}

// open makes the connections of one server.
func (s *session) open(client rueidis.Client) (*link, error) {
	l := &link{session: s}
	l.commands, _ = client.Dedicate()
	l.messages, _ = client.Dedicate()
	s.all = append(s.all, l)
	lost := l.messages.SetPubSubHooks(rueidis.PubSubHooks{OnMessage: l.onMessage, OnSubscription: l.onSubscription})
	s.wg.Go(func() {
		for err := range lost {
			s.fail(wrap("the connection is lost", err))
		}
	})

	b := l.commands.B()
	answers := l.commands.DoMulti(s.ctx, b.ScriptLoad().Script(publishScript).Build(),
		b.ScriptLoad().Script(positionScript).Build(), b.Info().Section("server").Build())
	var texts [3]string
	for i, r := range answers {
		var err error
		if texts[i], err = r.ToString(); err != nil {
			return nil, wrap("preparing", err)
		}
	}
	info, err := l.messages.Do(s.ctx, l.messages.B().Info().Section("server").Build()).ToString()
	if err != nil {
		return nil, wrap("preparing", err)
	}
	if runID(info) != runID(texts[2]) {
		return nil, errServers
	}
	s.publish, s.position = texts[0], texts[1]
	l.life = lifeDurable
	if !s.broker.Durable {
		if l.life = runID(texts[2]); l.life == "" {
			return nil, errNoRunID
		}
	}
	return l, nil
}

// lifeDurable is the life of a server that loses nothing.
const lifeDurable = "durable"

var errServers = errors.New("framerail: redis: two connections to one address have come to different servers")

var errNoRunID = errors.New("framerail: redis: INFO has no run_id, which tells one life of the server from the next: see Durable")

// runID finds what differs each time that a server starts.
func runID(info string) string {
	_, rest, _ := strings.Cut(info, "run_id:")
	id, _, _ := strings.Cut(rest, "\r\n")
	return id
}
