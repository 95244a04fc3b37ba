package server

import (
	"context"
	"net/http"
	"net/netip"

	"github.com/framerail/framerail/internal/handshake"
	"github.com/framerail/framerail/internal/phase"
	"github.com/framerail/framerail/internal/session"
)

// judge decides on requests by the policy, and asks the program. The loops use it, and Upgrade.
// Safe from any goroutine.
type judge struct {
	*policy
	*telling
}

var _ phase.Judge = (*judge)(nil)

// candidate is a client that asks for a connection.
type candidate struct {
	remote netip.AddrPort
	secure bool   // it came over TLS
	path   string // the only path for it, "" for any
	// One of the two is set: the client as a loop sees it, or what net/http has made of
	// its request, and the fields that its handler has set for the answer.
	cl     *phase.Tenant
	http   *http.Request
	peer   netip.AddrPort
	header http.Header
}

// peerAddr is the address of the socket's other end.
func (c *candidate) peerAddr() netip.AddrPort {
	if c.http != nil {
		return c.peer
	}
	return c.cl.PeerAddr()
}

// request is the one that the program is shown.
func (c *candidate) request(req *handshake.Request) *http.Request {
	if c.http != nil {
		return c.http
	}
	r := req.HTTP(addrString(c.remote))
	r.TLS = c.cl.TLS()
	return r
}

// asked is a Handshake as the phases see it.
type asked Handshake

// SetContext implements phase.Question.
func (q *asked) SetContext(ctx context.Context) { q.Request = q.Request.WithContext(ctx) }

// handshakeOf is the Handshake that a question is about; nil for none.
func handshakeOf(q phase.Question) *Handshake {
	if q == nil {
		return nil
	}
	return (*Handshake)(q.(*asked))
}

// onLoop is a candidate of a loop's.
func (j *judge) onLoop(c phase.Candidate) candidate {
	return candidate{remote: c.Remote, secure: c.Secure, path: j.path, cl: c.Tenant}
}

// Judge implements phase.Judge, as the next two do.
func (j *judge) Judge(req *handshake.Request, from phase.Candidate) (session.Opening, phase.Question, *handshake.Refusal) {
	o, h, refusal := j.decide(req, j.onLoop(from))
	if h == nil {
		return o, nil, refusal
	}
	return o, (*asked)(h), refusal
}

// Ask asks the program on the caller's goroutine.
func (j *judge) Ask(q phase.Question) *handshake.Refusal { return j.askProgram(handshakeOf(q)) }

// Accept makes the answer that accepts a request.
func (j *judge) Accept(req *handshake.Request, from phase.Candidate, q phase.Question, o session.Opening, dst []byte) (session.Opening, *handshake.Refusal) {
	refusal := j.accept(req, j.onLoop(from), handshakeOf(q), &o, dst)
	return o, refusal
}

// decide decides on a request as far as the server can: what is left is for the program to
// say, about h, unless that is nil. The refusal is the answer that does not accept.
func (j *judge) decide(req *handshake.Request, from candidate) (o session.Opening, h *Handshake, refusal *handshake.Refusal) {
	if from.path != "" && string(req.Path) != from.path {
		return o, nil, handshake.ExplainPath(from.path)
	}
	if err := req.Verify(); err != nil {
		return o, nil, handshake.RefusalOf(err)
	}
	if err := handshake.CheckOrigin(req.Origin, req.Host, from.secure, j.originPatterns); err != nil {
		return o, nil, handshake.RefusalOf(handshake.ExplainOrigin(err, req.Origin, req.Host, j.originPatterns))
	}
	o.Deflate = j.deflate.negotiate(req)
	o.Subprotocol = req.SelectSubprotocol(j.subprotocols)
	if o.Subprotocol == "" && j.noSubprotocol != nil {
		return o, nil, j.noSubprotocol
	}
	if j.check != nil {
		h = &Handshake{
			Request: from.request(req), Subprotocol: o.Subprotocol, Header: make(http.Header),
			RemoteAddr: from.remote, PeerAddr: from.peerAddr(),
		}
		if o.Deflate != nil {
			shown := *o.Deflate
			h.Deflate = &shown
		}
	}
	return o, h, nil
}

// accept appends the answer that accepts a request to dst, with what the program has made
// of h, unless that is nil.
func (j *judge) accept(req *handshake.Request, from candidate, h *Handshake, o *session.Opening, dst []byte) *handshake.Refusal {
	answer, refusal := j.answer(from, h, o)
	if refusal != nil {
		return refusal
	}
	resp, err := handshake.AppendResponse(dst, req, answer)
	if err != nil {
		return j.unsendable(from, err)
	}
	o.Response = resp
	return nil
}

// acceptStream is accept for a request over HTTP/2. It returns the header of the answer.
func (j *judge) acceptStream(req *handshake.Request, from candidate, h *Handshake, o *session.Opening) (http.Header, *handshake.Refusal) {
	answer, refusal := j.answer(from, h, o)
	if refusal != nil {
		return nil, refusal
	}
	header, err := handshake.StreamHeader(req, answer)
	if err != nil {
		return nil, j.unsendable(from, err)
	}
	return header, nil
}

// unsendable logs that the program's part of an answer cannot be sent.
func (j *judge) unsendable(from candidate, err error) *handshake.Refusal {
	j.logger.Error("framerail: handshake answer of the program cannot be sent", "remote", from.remote, "error", err)
	return handshake.ErrInternal
}

// answer is the program's part of the answer that accepts a request, checked as far as it needs no request. What the connection needs of h goes to o.
func (j *judge) answer(from candidate, h *Handshake, o *session.Opening) (answer handshake.Response, refusal *handshake.Refusal) {
	answer.Header = from.header
	if h != nil {
		o.Subprotocol, o.Value, o.Limits = h.Subprotocol, h.Value, session.Limits(h.Limits)
		if err := o.Limits.Validate(); err != nil {
			return answer, j.unsendable(from, err)
		}
		answer.Header = merged(from.header, h.Header)
		if h.Deflate == nil {
			o.Deflate = nil
		} else if o.Deflate != nil {
			// RFC 7692 7.1.1.2: a server may answer it or not, whatever was offered.
			o.Deflate.ClientNoContextTakeover = h.Deflate.ClientNoContextTakeover
		}
	}
	if answer.Subprotocol = o.Subprotocol; answer.Subprotocol == "" && j.noSubprotocol != nil {
		return answer, j.noSubprotocol
	}
	if o.Deflate != nil {
		answer.Extensions = o.Deflate.String()
	}
	return answer, nil
}

// merged is a header with the fields of another, which stand in place of its own.
func merged(h, over http.Header) http.Header {
	if len(h) == 0 {
		return over
	}
	for name, values := range over {
		h[name] = values
	}
	return h
}

// askProgram calls the check hook, and contains a panic in it.
func (j *judge) askProgram(h *Handshake) (refusal *handshake.Refusal) {
	defer func() {
		if p := recover(); p != nil {
			j.Panicked("Check", p)
			refusal = handshake.ErrInternal
		}
	}()
	if err := j.check(h); err != nil {
		return programsRefusal(err)
	}
	return nil
}
