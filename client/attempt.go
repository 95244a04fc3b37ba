package client

import (
	"context"
	"net"
	"net/http/httptrace"
	"net/url"
	"sync"

	"github.com/framerail/framerail/internal/handshake"
)

// attempt is a dial that goes on. It follows the request through net/http in the request's context.
type attempt struct {
	offer handshake.Offer // owned by the goroutine that dials
	ctx   context.Context // done when the dial has ended

	mu     sync.Mutex
	made   []net.Conn // guarded by mu: all connections that were made for it
	got    net.Conn   // guarded by mu: the one that the last request went out on, with its TLS
	tunnel *url.URL   // guarded by mu: the proxy to ask for a tunnel, nil for none
	ended  bool       // guarded by mu
}

type attemptKey struct{}

// attemptOf is the dial that the context of a request belongs to.
func attemptOf(ctx context.Context) *attempt { return ctx.Value(attemptKey{}).(*attempt) }

// in returns a context by which attemptOf finds the dial, and by which net/http tells it on which
// connection the request goes out.
func (a *attempt) in(ctx context.Context) context.Context {
	a.ctx = ctx
	ctx = context.WithValue(ctx, attemptKey{}, a)
	return httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{GotConn: func(info httptrace.GotConnInfo) {
		a.reached(info.Conn)
	}})
}

// reached notes the connection on which the request goes out.
func (a *attempt) reached(nc net.Conn) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.got = nc
}

// note notes a connection that was made. It returns false if the dial has ended.
func (a *attempt) note(nc net.Conn) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	if !a.ended {
		a.made = append(a.made, nc)
	}
	return !a.ended
}

// conn is the connection that the last request went out on.
func (a *attempt) conn() net.Conn {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.got
}

// through is the proxy to ask for a tunnel; nil for none.
func (a *attempt) through() *url.URL {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.tunnel
}

// end closes all connections but the last one, and that too unless it is to be kept. net/http closes
// them itself in most cases, but not if the context ends at the moment of the answer.
func (a *attempt) end(keep bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.ended = true
	for i, nc := range a.made {
		if !keep || i < len(a.made)-1 {
			_ = nc.Close()
		}
	}
}
