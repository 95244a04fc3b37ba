package server

import (
	"crypto/tls"
	"errors"
	"io"
	"net/http"
	"slices"

	"github.com/framerail/framerail/internal/handshake"
	"github.com/framerail/framerail/internal/loop"
	"github.com/framerail/framerail/internal/secure"
	"github.com/framerail/framerail/internal/transport"
	"github.com/framerail/framerail/poller"
)

// errPlain answers those who speak HTTP where TLS is spoken.
var errPlain = &handshake.Refusal{
	Status: http.StatusBadRequest,
	Reason: "this port speaks TLS: use https or wss (RFC 6455 3)",
}

// tlsRow is the phase of a TLS handshake. Its timer fires early where others wait for their
// handshakes.
type tlsRow struct{ unopenedRow }

func (l tlsRow) Ready(t *loop.Tenant, _ poller.Interest) { l.secure(tenant(t)) }
func (l tlsRow) Late(t *loop.Tenant)                     { l.giveUpSecuring(tenant(t)) }

// secure returns the client's TLS; nil if it has none.
func (cl *client) tls() *secure.Transport {
	t, _ := cl.Below().(*secure.Transport)
	return t
}

func (cl *client) isSecure() bool { return cl.tls() != nil }

// secure goes on with the TLS handshake of a client from which something has come. Until
// its first record is whole it costs no more than that.
func (l *phases) secure(cl *client) {
	t := cl.tls()
	switch {
	case t.Begun():
		if l.watchSecuring(cl, poller.None) {
			t.Ready()
		}
		return
	case t.Heard():
		return // it waits for its turn, and this was told before
	}
	n, err := t.ReadHello(l.greeter.in)
	switch {
	case n > 0: // an error will be there again
		l.hear(cl, l.greeter.in[:n])
	case err != transport.ErrWouldBlock:
		l.run.refuse(ReasonLeft)
		l.drop(cl)
	}
}

// hear takes in what has come of a client's first record, and starts its handshake once
// that is whole.
func (l *phases) hear(cl *client, b []byte) {
	t := cl.tls()
	if !l.mayHear(cl, t.Lent(), t.HelloLen()+len(b)) {
		l.short(cl)
		return
	}
	if t.TakeHello(b); t.Heard() {
		l.shakeInTurn(cl)
	}
}

// shake starts a client's handshake.
func (l *phases) shake(cl *client) {
	t, token := cl.tls(), cl.Token()
	l.shaking.going = append(l.shaking.going, token)
	t.Begin(l.run.kernel.Wait, func(write bool) {
		l.Ask(func() { l.watchHandshake(token, write) })
	})
	l.run.aside.begin()
	l.run.kernel.Go(func() {
		defer l.run.aside.end()
		err := l.run.shakeHands(t)
		l.Ask(func() { l.shaken(token, err) })
	})
}

// shakeHands runs a handshake, and contains a panic in the program's part of it.
func (r *running) shakeHands(t *secure.Transport) (err error) {
	returned := false
	defer func() {
		if returned {
			return
		}
		p := recover()
		if p == nil {
			p = "runtime.Goexit"
		}
		r.panicked("TLSConfig", p)
		err = errTLSPanic
	}()
	err = t.Handshake()
	returned = true
	return err
}

var errTLSPanic = errors.New("framerail: a callback of TLSConfig panicked")

// watchHandshake has the poller tell what a handshake waits for.
func (l *phases) watchHandshake(token poller.Token, write bool) {
	if cl := l.find(token); cl != nil && cl.Phase() == phaseTLS {
		i := poller.Read
		if write {
			i |= poller.Write
		}
		if l.watchSecuring(cl, i) {
			l.timeHandshake(cl)
		}
	}
}

// watchSecuring is watch for a client of which nothing was counted yet.
func (l *phases) watchSecuring(cl *client, i poller.Interest) (ok bool) {
	if ok = l.watch(cl, i); !ok {
		l.run.refuse(ReasonInternal)
	}
	return ok
}

// shaken takes a client over whose TLS handshake has ended.
func (l *phases) shaken(token poller.Token, err error) {
	l.shaking.end(token)
	l.shakeNext()
	cl := l.find(token)
	if cl == nil {
		return // its time was over, or the server's
	}
	if err != nil {
		l.unshaken(cl, err)
		return
	}
	l.tally.secured(cl.tls())
	cl.tls().Established()
	cl.Enter(phaseRequest)
	l.SetTimer(&cl.Tenant, l.Left(&cl.Tenant))
	if l.watchSecuring(cl, poller.Read) {
		l.With(&cl.Tenant, func() { l.greet(cl) })
	}
}

// unshaken ends a client whose TLS handshake has failed. It may read why, which is in an
// alert or, if it does not speak TLS at all, in HTTP.
func (l *phases) unshaken(cl *client, err error) {
	t := cl.tls()
	held := t.Held() > 0
	t.Plain()
	cl.Enter(phaseLeaving)
	if !l.watchSecuring(cl, poller.Read) {
		return
	}
	var notTLS tls.RecordHeaderError
	switch {
	case errors.As(err, &notTLS) && looksLikeHTTP(notTLS.RecordHeader[:]):
		l.refuse(cl, errPlain)
		return
	case errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF):
		l.run.refuse(ReasonLeft)
	default:
		l.run.refuse(ReasonTLS)
		l.run.logger.Info("framerail: TLS handshake failed", "remote", cl.RemoteAddr(), "error", err)
	}
	if held {
		l.drop(cl)
		return
	}
	l.linger(cl)
}

// looksLikeHTTP tells whether these are the first bytes of a request.
func looksLikeHTTP(b []byte) bool {
	return slices.Contains([]string{"GET /", "HEAD ", "POST ", "PUT /", "OPTIO", "DELET", "PATCH", "CONNE"}, string(b))
}

// giveUpSecuring ends a client whose time is over before it has a place where it can be
// told so, unless it was only to be looked at, or its first record has come.
func (l *phases) giveUpSecuring(cl *client) {
	t := cl.tls()
	if !t.Begun() && !t.Heard() {
		if l.secure(cl); l.IsGone(&cl.Tenant) || t.Begun() {
			return
		}
	}
	switch {
	case !l.IsOver(&cl.Tenant) && !(l.othersWait() && t.Waits()):
		l.SetTimer(&cl.Tenant, l.Left(&cl.Tenant))
		return
	case l.Applied() == loop.Drain:
		l.run.refuse(ReasonDraining)
	case !t.Begun() && t.Heard():
		l.run.refuse(ReasonTLSBusy)
	default:
		l.run.refuse(ReasonTimeout)
	}
	l.drop(cl)
}
