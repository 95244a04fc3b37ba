package redis

import (
	"context"
	"crypto/tls"
	"net"
	"sync"
	"testing"
)

// proxy stands before a server. While it is cut, it drops what comes, and closes nothing. While it is mute, it
// drops only what the server sends.
type proxy struct {
	ln     net.Listener
	server *redisServer
	wg     sync.WaitGroup

	mu    sync.Mutex
	isCut bool
	mute  bool
	conns []net.Conn
}

func newProxy(t testing.TB, r *redisServer) *proxy {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &proxy{ln: ln, server: r}
	p.wg.Go(p.serve)
	t.Cleanup(func() {
		p.close()
		p.wg.Wait()
	})
	return p
}

// close closes all connections, and takes no more.
func (p *proxy) close() {
	p.ln.Close()
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, c := range p.conns {
		c.Close()
	}
}

func (p *proxy) dial(ctx context.Context, _ string, d *net.Dialer, _ *tls.Config) (net.Conn, error) {
	return d.DialContext(ctx, "tcp", p.ln.Addr().String())
}

// set cuts the network, or mends it: for connections that are made from then on.
func (p *proxy) set(cut bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.isCut, p.mute = cut, false
}

// setMute has no answer come back, until set is called.
func (p *proxy) setMute() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.mute = true
}

func (p *proxy) serve() {
	for {
		c, err := p.ln.Accept()
		if err != nil {
			return
		}
		p.mu.Lock()
		cut := p.isCut
		p.conns = append(p.conns, c)
		p.mu.Unlock()
		if cut {
			continue // what it sends waits in a buffer for ever
		}
		up, err := net.Dial("unix", p.server.socket())
		if err != nil {
			c.Close()
			continue
		}
		p.mu.Lock()
		p.conns = append(p.conns, up)
		p.mu.Unlock()
		p.wg.Go(func() { p.copy(up, c, false) })
		p.wg.Go(func() { p.copy(c, up, true) })
	}
}

// copy carries one direction.
func (p *proxy) copy(to, from net.Conn, answers bool) {
	defer to.Close()
	defer from.Close()
	b := make([]byte, 64<<10)
	for dropped := false; ; {
		n, err := from.Read(b)
		if err != nil {
			return
		}
		p.mu.Lock()
		dropped = dropped || p.isCut || p.mute && answers // a connection with a hole never comes back
		p.mu.Unlock()
		if dropped {
			continue
		}
		if _, err := to.Write(b[:n]); err != nil {
			return
		}
	}
}
