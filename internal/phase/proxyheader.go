package phase

import (
	"crypto/tls"
	"net/netip"
	"time"

	"github.com/framerail/framerail/internal/buffer"
	"github.com/framerail/framerail/internal/gate"
	"github.com/framerail/framerail/internal/loop"
	"github.com/framerail/framerail/internal/proxyproto"
	"github.com/framerail/framerail/internal/secure"
	"github.com/framerail/framerail/internal/transport"
	"github.com/framerail/framerail/poller"
)

// behindProxy is the transport of a client whose PROXY header is still to come. It keeps what follows
// the header.
type behindProxy struct {
	transport.Transport
	tls *tls.Config // nil: no TLS
}

// SetPool implements buffer.Borrower, as Lent does, for the transport behind it.
func (b *behindProxy) SetPool(p *buffer.Pool) {
	if below, ok := b.Transport.(buffer.Borrower); ok {
		below.SetPool(p)
	}
}

func (b *behindProxy) Lent() int { return buffer.LentTo(b.Transport) }

// Cut implements transport.Cutter, as far as the transport behind it does.
func (b *behindProxy) Cut(patience time.Duration) error {
	return transport.Cut(b.Transport, patience)
}

var (
	_ transport.Cutter = (*behindProxy)(nil)
	_ buffer.Borrower  = (*behindProxy)(nil)
)

// proxyHeaders is the phase in which the PROXY header arrives.
type proxyHeaders struct{ unopenedRow }

func (l *proxyHeaders) Ready(t *loop.Tenant, _ poller.Interest) { l.read(tenantOf(t)) }

func (l *proxyHeaders) Late(t *loop.Tenant) {
	if !l.Early(t) {
		l.timedOut(tenantOf(t))
	}
}

// read reads on in the PROXY header of a client's connection.
func (l *proxyHeaders) read(cl *Tenant) {
	g := &l.reader
	n, err := cl.Below().Read(g.in)
	switch {
	case n > 0: // an error will be there again
	case err == transport.ErrWouldBlock:
		return
	default:
		l.Report.Refused(Left)
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
		l.Logger.Info("framerail: connection of a proxy refused", "remote", cl.RemoteAddr(), "error", err)
		l.Report.Refused(BadProxyHeader)
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

// finished goes on with a client whose PROXY header has come. rest are the bytes behind the header.
func (l *proxyHeaders) finished(cl *Tenant, h proxyproto.Header, rest []byte) {
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
		cl.Enter(Request)
		if len(rest) > 0 {
			l.requests.take(cl, rest)
		}
		return
	}
	t := secure.New(in.Transport, cl.RemoteAddr(), in.tls, &l.reader.heads)
	cl.SetTransport(t)
	cl.Enter(TLS)
	if len(rest) == 0 {
		return
	}
	l.tls.takeHello(cl, rest)
}

// rename gives a client the address that its proxy names. The limits by address then hold for
// that. It returns false if the client is gone: its address has too many connections, and there
// is no answer. Too many clients get one, or a TLS handshake would have to come before it.
func (l *Table) rename(cl *Tenant, remote netip.AddrPort, beforeTLS bool) (ok bool) {
	cl.SetRemoteAddr(remote)
	before := cl.ticket()
	cl.setTicket(l.Gate.Place(l.Proxies.CountedAs(remote.Addr()), before))
	if beforeTLS && cl.ticket() != before {
		cl.setTicket(l.Gate.BeforeTLS(cl.ticket()))
	}
	refusal := cl.ticket().Refusal()
	switch {
	case cl.ticket() == gate.ClosedAddress:
		l.Report.Answered(remote, refusal)
		l.drop(cl)
		return false
	case refusal != nil && cl.ticket() != before:
		l.Hasten(&cl.Tenant, l.Gate.Patience(cl.ticket(), lingerTimeout))
	}
	return true
}

// timedOut ends a connection whose PROXY header is late. It sends no answer, because the peer may
// not expect HTTP.
func (l *proxyHeaders) timedOut(cl *Tenant) {
	if l.read(cl); l.IsGone(&cl.Tenant) {
		return
	}
	if cl.Phase() != ProxyHeader {
		l.Loop.Late(&cl.Tenant) // it may have sent all else as well
		return
	}
	if l.Applied() == loop.Drain {
		l.Report.Refused(Draining)
	} else {
		l.Report.Refused(Timeout)
	}
	l.drop(cl)
}
