package client

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/framerail/framerail/conn"
	"github.com/framerail/framerail/frame/deflate"
	"github.com/framerail/framerail/internal/handshake"
	"github.com/framerail/framerail/internal/loop"
)

// common is the client of package-level Dial.
var common = new(Client)

// Dial connects to a server, as [Client.Dial] does, and has onMessage get each message. If onMessage is nil, messages wait for
// [conn.Conn.Receive] and [conn.Conn.Messages]. It uses a Client that all calls share, with default
// options. Its event loop starts with the first call and lasts as long as the program. Use a [Client]
// to set options.
func Dial(ctx context.Context, url string, onMessage func(*conn.Conn, conn.Message)) (*conn.Conn, error) {
	r, err := parse(ctx, url)
	if err != nil {
		return nil, err
	}
	if onMessage == nil {
		return common.DialRequest(r, nil)
	}
	return common.DialRequest(r, func(c *conn.Conn) { c.OnMessage(onMessage) })
}

// Dial connects to a server at a URL such as "wss://example.com/chat?room=1" and returns the
// connection once its handshake is done and OnConnection has returned. The schemes http and https mean the
// same as ws and wss. User and password in the URL are sent as Basic authentication.
//
// ctx is for the dial alone. After Dial has returned it does not matter.
//
// If the server refuses, the error is a *HandshakeError. In a callback on a loop Dial fails with
// [conn.ErrOnLoop], since it blocks. After Close it fails with ErrClientClosed.
func (c *Client) Dial(ctx context.Context, url string) (*conn.Conn, error) {
	r, err := parse(ctx, url)
	if err != nil {
		return nil, err
	}
	return c.DialRequest(r, nil)
}

// DialRequest is Dial with a request of the program's: its URL, its Host, its Header besides that of
// the Client, and its context. The rest of it is ignored. It is not changed.
//
// open then runs in place of OnConnection, where Dispatch says. There it can set callbacks of the
// connection's own, before the first message. If open is nil, OnConnection runs. [conn.Conn.Request]
// returns the request as it was sent.
func (c *Client) DialRequest(r *http.Request, open func(*conn.Conn)) (*conn.Conn, error) {
	return c.dialRequest(r, open, nil)
}

// dialRequest is DialRequest. ended, if it is not nil, is closed once the close callback has returned.
func (c *Client) dialRequest(r *http.Request, open func(*conn.Conn), ended chan struct{}) (*conn.Conn, error) {
	if r == nil {
		return nil, errNilRequest
	}
	if loop.OnLoop() {
		return nil, dialError(r.URL, conn.ErrOnLoop)
	}
	run, err := c.begin()
	if err != nil {
		return nil, err
	}
	defer run.busy.End()
	if open == nil {
		open = run.onConnection
	}
	ws, err := run.dial(r, open, ended)
	run.dials.Add(1)
	if err != nil {
		run.failed.Add(1)
	}
	return ws, err
}

// dial is DialRequest, for a client that has begun.
func (r *running) dial(program *http.Request, open func(*conn.Conn), ended chan struct{}) (*conn.Conn, error) {
	if r.system.Simulated() {
		s := r.spanOf(program.Context())
		return r.dialIn(s, s, program, open, ended)
	}
	ctx, cancel := context.WithCancelCause(program.Context())
	defer cancel(nil)
	defer context.AfterFunc(r.stop, func() { cancel(ErrClientClosed) })()
	timed, cancelTimed := context.WithTimeoutCause(ctx, r.handshakeTimeout, errLate)
	defer cancelTimed()
	return r.dialIn(ctx, timed, program, open, ended)
}

// dialIn is dial. timed is ctx with the time for the handshake.
func (r *running) dialIn(ctx, timed context.Context, program *http.Request, open func(*conn.Conn), ended chan struct{}) (*conn.Conn, error) {
	a := &attempt{offer: handshake.Offer{Key: handshake.NewKey(), Subprotocols: r.subprotocols}}
	taken := false
	defer func() {
		if !taken { // also if code of the program's has panicked, or ended the goroutine
			a.end(false)
		}
	}()
	answer, err := r.ask(timed, a, program)
	if err != nil {
		return nil, r.explain(timed, program.URL, err)
	}
	n, err := r.take(a, answer)
	if err != nil {
		return nil, r.explain(timed, program.URL, err) // the end of the context may have closed the socket
	}
	taken = true
	n.ended = ended
	c, err := n.deliver(ctx, timed, open)
	if err != nil {
		return nil, dialError(program.URL, err)
	}
	return c, nil
}

// answer is a server's answer that keeps all rules, and what was agreed on.
type answer struct {
	*http.Response
	request     *http.Request // as it was sent
	direct      bool          // it was read without a Transport
	rest        []byte        // and these bytes came behind it
	subprotocol string
	deflate     *deflate.Params
}

// ask sends the request and checks the answer.
func (r *running) ask(ctx context.Context, a *attempt, program *http.Request) (*answer, error) {
	req, err := r.request(ctx, program, &a.offer)
	if err != nil {
		return nil, err
	}
	resp, rest, isDirect, err := r.do(ctx, a, req)
	if err != nil {
		return nil, err
	}
	checked := false
	defer func() {
		if !checked { // Check has not returned, and a RoundTripper's connection is in the body alone
			_ = resp.Body.Close()
		}
	}()
	got, err := r.check(a, resp)
	checked = true
	if err != nil {
		return nil, newHandshakeError(resp, err)
	}
	got.direct, got.rest = isDirect, rest
	got.request = cmp.Or(resp.Request, req) // a RoundTripper may leave it out
	return got, nil
}

// do makes a request, with the Transport or without.
func (r *running) do(ctx context.Context, a *attempt, req *http.Request) (resp *http.Response, rest []byte, isDirect bool, err error) {
	if head := r.direct.head(req); head != nil {
		resp, rest, err = r.direct.do(ctx, a, req, head)
		return resp, rest, true, err
	}
	resp, err = r.http.Do(req.WithContext(a.in(ctx)))
	return resp, nil, false, err
}

// check holds an answer to RFC 6455 4.1, RFC 7692 7.1, and the program's Check.
func (r *running) check(a *attempt, resp *http.Response) (*answer, error) {
	got := &answer{Response: resp}
	var err error
	if got.subprotocol, err = a.offer.CheckAnswer(resp); err != nil {
		return nil, err
	}
	agreed, ok, err := deflate.CheckAnswer(values(resp.Header["Sec-Websocket-Extensions"]), r.wishes...)
	if err != nil {
		return nil, err
	}
	if ok {
		got.deflate = &agreed
	}
	if r.checkAnswer != nil {
		seen := *resp
		seen.Body = http.NoBody
		if err := r.checkAnswer(&seen); err != nil {
			return nil, err
		}
	}
	return got, nil
}

// values iterates over the lines of a field.
func values(lines []string) func(yield func(string) bool) {
	return func(yield func(string) bool) {
		for _, line := range lines {
			if !yield(line) {
				return
			}
		}
	}
}

// errLate is the cause of a context whose HandshakeTimeout is over.
var errLate = fmt.Errorf("framerail: the handshake took longer than HandshakeTimeout: %w", context.DeadlineExceeded)

// explain is the error of a dial, with the reason why its context has ended.
func (r *running) explain(ctx context.Context, u *url.URL, err error) error {
	if refused := (*HandshakeError)(nil); errors.As(err, &refused) {
		return refused
	}
	if until, ok := ctx.Deadline(); ok && !r.system.Simulated() && !r.system.Now().Before(until) {
		// Package net looks at the deadline itself, and may have seen it before the context is done.
		r.system.Await(ctx.Done(), nil, until.Add(time.Second))
	}
	if err := endOf(ctx); err != nil {
		return dialError(u, err)
	}
	if outer := (*url.Error)(nil); errors.As(err, &outer) {
		err = outer.Err // its words say http in place of ws
	}
	return dialError(u, err)
}

// endOf is the error of a context that has ended, with the cause; nil for one that has not.
func endOf(ctx context.Context) error {
	cause := causeOf(ctx)
	if cause == nil {
		return nil
	}
	err := errOf(ctx, cause)
	if errors.Is(cause, err) || cause == ErrClientClosed {
		return cause
	}
	return fmt.Errorf("framerail: %w: %w", err, cause)
}

// dialError is the error of a dial to a URL.
func dialError(u *url.URL, err error) error {
	if err == ErrClientClosed {
		return err
	}
	return &dialFailure{redacted(u), err}
}

// dialFailure adds the URL to an error.
type dialFailure struct {
	url string
	err error
}

func (e *dialFailure) Error() string {
	return "framerail: dial " + e.url + ": " + strings.TrimPrefix(e.err.Error(), "framerail: ")
}

func (e *dialFailure) Unwrap() error { return e.err }
