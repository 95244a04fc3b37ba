package server

import (
	"crypto/tls"
	"net/netip"

	"github.com/framerail/framerail/internal/gate"
	"github.com/framerail/framerail/internal/loop"
	"github.com/framerail/framerail/internal/proxyproto"
	"github.com/framerail/framerail/internal/secure"
	"github.com/framerail/framerail/internal/transport"
	"github.com/framerail/framerail/poller"
)

// behindProxy is the transport of a client whose PROXY header is still to come, and what
// follows the header.
type behindProxy struct {
	transport.Transport
	tls *tls.Config // nil: no TLS
}

// proxyHeaders is the phase in which the PROXY header arrives.
type proxyHeaders struct{ unopenedRow }

func (l *proxyHeaders) Ready(t *loop.Tenant, _ poller.Interest) { l.read(tenantOf(t)) }

func (l *proxyHeaders) Late(t *loop.Tenant) {
	if !l.Early(t) {
		l.timedOut(tenantOf(t))
	}
}

// read reads on in the PROXY header of a client's connection.
func (l *proxyHeaders) read(cl *tenant) {
	g := &l.reader
	n, err := cl.Below().Read(g.in)
	switch {
	case n > 0: // an error will be there again
	case err == transport.ErrWouldBlock:
		return
	default:
		l.run.refuse(ReasonLeft)
		l.drop(cl)
		return
	}
	head := g.in[:n]
	if p := cl.head; p != nil {
		if !l.mayHold(cl, cap(p.buf.B), len(p.buf.B)+n) {
			l.short(cl)
			return
		}
		p.add(&g.heads, head)
		head = p.buf.B
	}
	h, end, err := proxyproto.Decode(head)
	switch {
	case err != nil:
		l.run.logger.Info("framerail: connection of a proxy refused", "remote", cl.RemoteAddr(), "error", err)
		l.run.refuse(ReasonProxyHeader)
		l.drop(cl)
	case end > 0:
		l.finished(cl, h, head[end:])
	case cl.head == nil && !l.mayHold(cl, 0, n):
		l.short(cl)
	case cl.head == nil:
		cl.head = &partial{buf: g.heads.Get(n)}
		cl.head.buf.B = append(cl.head.buf.B, head...)
	}
}

// finished goes on with a client whose PROXY header has come. Behind the header rest has
// come.
func (l *proxyHeaders) finished(cl *tenant, h proxyproto.Header, rest []byte) {
	if p := cl.head; p != nil {
		cl.head = nil
		defer p.buf.Release() // rest may refer to it
	}
	in := cl.Below().(*behindProxy)
	if h.Source.IsValid() && !l.rename(cl, h.Source, in.tls != nil) {
		return
	}
	if in.tls == nil {
		cl.SetTransport(in.Transport)
		cl.Enter(phaseRequest)
		if len(rest) > 0 {
			l.requests.take(cl, rest)
		}
		return
	}
	t := secure.New(in.Transport, cl.RemoteAddr(), in.tls, &l.reader.heads)
	cl.SetTransport(t)
	cl.Enter(phaseTLS)
	if len(rest) == 0 {
		return
	}
	l.tls.takeHello(cl, rest)
}

// rename has a client go by the address that a proxy has told of it, and the limits by
// address hold for that. It returns false if the client is gone: it is one too many, and is
// not told so because too many are, or because a TLS handshake would have to come first.
func (l *phases) rename(cl *tenant, remote netip.AddrPort, beforeTLS bool) (ok bool) {
	cl.SetRemoteAddr(remote)
	before := cl.ticket()
	cl.setTicket(l.run.gate.Place(l.run.proxies.own(remote.Addr(), false, false), before))
	if beforeTLS && cl.ticket() != before {
		cl.setTicket(l.run.gate.BeforeTLS(cl.ticket()))
	}
	refusal := cl.ticket().Refusal()
	switch {
	case cl.ticket() == gate.ClosedAddress:
		l.run.refuse(reasonOf(refusal))
		l.run.logRefusal(remote, refusal)
		l.drop(cl)
		return false
	case refusal != nil && cl.ticket() != before:
		l.Hasten(&cl.Tenant, l.run.gate.Patience(cl.ticket(), lingerTimeout))
	}
	return true
}

// timedOut ends a connection whose PROXY header is late. It sends no answer, because the peer may
// not expect HTTP.
func (l *proxyHeaders) timedOut(cl *tenant) {
	if l.read(cl); l.IsGone(&cl.Tenant) {
		return
	}
	if cl.Phase() != phaseProxyHeader {
		l.Loop.Late(&cl.Tenant) // it may have sent all else as well
		return
	}
	if l.Applied() == loop.Drain {
		l.run.refuse(ReasonDraining)
	} else {
		l.run.refuse(ReasonTimeout)
	}
	l.drop(cl)
}
