package phase

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

// ErrPlainHTTP answers a request without TLS on a TLS port.
var ErrPlainHTTP = &handshake.Refusal{
	Status: http.StatusBadRequest,
	Reason: "this port speaks TLS: use https or wss (RFC 6455 3)",
}

// Ready implements loop.Row, as Late does.
func (l *tlsHandshakes) Ready(t *loop.Tenant, _ poller.Interest) { l.read(tenantOf(t)) }
func (l *tlsHandshakes) Late(t *loop.Tenant)                     { l.timedOut(tenantOf(t)) }

// read goes on with the TLS handshake of a client that has sent something. Until the client's first
// record is whole, only that record is kept.
func (l *tlsHandshakes) read(cl *Tenant) {
	t := cl.tls()
	switch {
	case t.Begun():
		if l.watchHandshake(cl, poller.None) {
			t.Ready()
		}
		return
	case t.Heard():
		return // it waits for its turn already
	}
	n, err := t.ReadHello(l.reader.in)
	switch {
	case n > 0: // an error will be there again
		l.takeHello(cl, l.reader.in[:n])
	case err != transport.ErrWouldBlock:
		l.Report.Refused(Left)
		l.drop(cl)
	}
}

// takeHello takes in what has come of a client's first record. Once the record is whole, the handshake
// starts or is queued.
func (l *tlsHandshakes) takeHello(cl *Tenant, b []byte) {
	t := cl.tls()
	if !l.mayHear(cl, t.HelloLent(), t.HelloLen()+len(b)) {
		l.short(cl)
		return
	}
	if t.TakeHello(b); t.Heard() {
		l.startInTurn(cl)
	}
}

// start starts a client's handshake.
func (l *tlsHandshakes) start(cl *Tenant) {
	t, token := cl.tls(), cl.Token()
	l.running = append(l.running, token)
	t.Begin(l.Platform.Wait, func(write bool) {
		l.Ask(func() { l.waitFor(token, write) })
	})
	l.Work.Begin()
	l.Platform.Go(func() {
		defer l.Work.End()
		err := l.runHandshake(t)
		l.Ask(func() { l.finished(token, err) })
	})
}

// runHandshake runs a handshake, and contains a panic in the program's part of it. On its goroutine.
func (l *tlsHandshakes) runHandshake(t *secure.Transport) (err error) {
	returned := false
	defer func() {
		if returned {
			return
		}
		p := recover()
		if p == nil {
			p = "runtime.Goexit"
		}
		l.Report.Panicked("TLSConfig", p)
		err = errTLSPanic
	}()
	err = t.Handshake()
	returned = true
	return err
}

var errTLSPanic = errors.New("framerail: a callback of TLSConfig panicked")

// waitFor makes the poller report what a handshake waits for.
func (l *tlsHandshakes) waitFor(token uint64, write bool) {
	if cl := l.find(token); cl != nil && cl.Phase() == TLS {
		i := poller.Read
		if write {
			i |= poller.Write
		}
		if l.watchHandshake(cl, i) {
			l.setPatience(cl)
		}
	}
}

// watchHandshake is watch for a client that was not counted as refused yet.
func (l *tlsHandshakes) watchHandshake(cl *Tenant, i poller.Interest) (ok bool) {
	if ok = l.watch(cl, i); !ok {
		l.Report.Refused(Failed)
	}
	return ok
}

// finished goes on with a client when its TLS handshake has ended.
func (l *tlsHandshakes) finished(token uint64, err error) {
	l.end(token)
	l.startNext()
	cl := l.find(token)
	if cl == nil {
		return // its time was over, or the server's
	}
	if err != nil {
		l.failed(cl, err)
		return
	}
	l.Counters.tlsIsDone(cl.tls())
	cl.tls().Established()
	cl.Enter(l.next)
	l.SetTimer(&cl.Tenant, l.Left(&cl.Tenant))
	if l.watchHandshake(cl, poller.Read) {
		l.With(&cl.Tenant, func() { l.Row(&cl.Tenant).Ready(&cl.Tenant, poller.Read) })
	}
}

// failed ends a client whose TLS handshake has failed. An alert says why, or an HTTP answer if the
// client does not use TLS.
func (l *tlsHandshakes) failed(cl *Tenant, err error) {
	t := cl.tls()
	held := t.Held() > 0
	t.Plain()
	cl.Enter(Leaving)
	if !l.watchHandshake(cl, poller.Read) {
		return
	}
	var notTLS tls.RecordHeaderError
	switch {
	case errors.As(err, &notTLS) && looksLikeHTTP(notTLS.RecordHeader[:]):
		l.refuse(cl, ErrPlainHTTP)
		return
	case errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF):
		l.Report.Refused(Left)
	default:
		l.Report.Refused(TLSFailed)
		l.Logger.Info("framerail: TLS handshake failed", "remote", cl.RemoteAddr(), "error", err)
	}
	if held {
		l.drop(cl)
		return
	}
	l.linger(cl)
}

// looksLikeHTTP reports whether these are the first bytes of a request.
func looksLikeHTTP(b []byte) bool {
	return slices.Contains([]string{"GET /", "HEAD ", "POST ", "PUT /", "OPTIO", "DELET", "PATCH", "CONNE"}, string(b))
}

// timedOut ends a connection whose TLS handshake is late. No HTTP answer is possible then. It reads once
// more before: the connection stays if its first record has arrived.
func (l *tlsHandshakes) timedOut(cl *Tenant) {
	t := cl.tls()
	if !t.Begun() && !t.Heard() {
		if l.read(cl); l.IsGone(&cl.Tenant) || t.Begun() {
			return
		}
	}
	switch {
	case !l.IsOver(&cl.Tenant) && !(l.hasQueue() && t.Waits()):
		l.SetTimer(&cl.Tenant, l.Left(&cl.Tenant))
		return
	case l.Applied() == loop.Drain:
		l.Report.Refused(Draining)
	case !t.Begun() && t.Heard():
		l.Report.Refused(TLSBusy)
	default:
		l.Report.Refused(Timeout)
	}
	l.drop(cl)
}
