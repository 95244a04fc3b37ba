package client

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"

	"github.com/framerail/framerail/internal/handshake"
)

// requestError is the error of a request that cannot be made, whatever the server.
type requestError struct{ error }

func (e requestError) Unwrap() error { return e.error }

// errNilRequest is the error of DialRequest without a request.
var errNilRequest = requestError{errors.New("framerail: there is no request")}

// parse is the request for a URL that Dial was given.
func parse(ctx context.Context, rawURL string) (*http.Request, error) {
	u, err := url.Parse(rawURL)
	if err != nil {
		return nil, requestError{fmt.Errorf("framerail: %w", err)}
	}
	return (&http.Request{Method: http.MethodGet, URL: u, Header: make(http.Header)}).WithContext(ctx), nil
}

// checkURL refuses what is no address of a WebSocket (RFC 6455 3).
func checkURL(u *url.URL) error {
	switch {
	case u == nil || httpScheme(u.Scheme) == "":
		return requestError{fmt.Errorf("framerail: the scheme of %q is neither ws nor wss (RFC 6455 3)", redacted(u))}
	case u.Hostname() == "":
		return requestError{fmt.Errorf("framerail: %q has no host (RFC 6455 3)", redacted(u))}
	case u.Fragment != "" || u.RawFragment != "":
		return requestError{fmt.Errorf("framerail: %q has a fragment (RFC 6455 3)", redacted(u))}
	}
	return nil
}

// redacted is a URL for an error, without its password.
func redacted(u *url.URL) string {
	if u == nil {
		return ""
	}
	return u.Redacted()
}

// httpScheme is the scheme by which net/http knows another; "" if there is none.
func httpScheme(scheme string) string {
	switch scheme {
	case "ws", "http":
		return "http"
	case "wss", "https":
		return "https"
	}
	return ""
}

// ownScheme is the way back.
func ownScheme(scheme string) string {
	if scheme == "https" {
		return "wss"
	}
	return "ws"
}

// request is the program's request as net/http is to send it.
func (r *running) request(ctx context.Context, program *http.Request, offer *handshake.Offer) (*http.Request, error) {
	if err := checkURL(program.URL); err != nil {
		return nil, err
	}
	if err := handshake.CheckRequestHeader(program.Header); err != nil {
		return nil, err
	}
	u := *program.URL
	u.Scheme = httpScheme(u.Scheme)
	req := &http.Request{
		Method: http.MethodGet, URL: &u, Host: program.Host, Header: r.header.Clone(),
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
	}
	if req.Header == nil {
		req.Header = make(http.Header)
	}
	// By their canonical names, so that a redirect leaves none behind.
	maps.Copy(req.Header, canonical(program.Header))
	offer.SetHeader(req.Header, r.extensions)
	return req.WithContext(ctx), nil
}

// header is what each request has besides the handshake's own fields.
func (c *Client) header() http.Header {
	h := canonical(c.Header)
	if c.Origin != "" {
		h.Set("Origin", c.Origin)
	}
	return h
}

// canonical is a copy of a header with canonical names. A name that is there in several spellings has the values of
// all, in the order of the spellings.
func canonical(h http.Header) http.Header {
	c := make(http.Header, len(h))
	for _, spelling := range slices.Sorted(maps.Keys(h)) {
		name := http.CanonicalHeaderKey(spelling)
		c[name] = append(c[name], h[spelling]...)
	}
	return c
}

// kept is what the program gets of a request that was sent, as Conn.Request.
func kept(sent *http.Request) *http.Request {
	r := sent.Clone(context.Background())
	r.URL.Scheme = ownScheme(r.URL.Scheme)
	r.Header = canonical(r.Header) // or Get would not find what SetHeader has put there
	r.Body, r.Response = http.NoBody, nil
	return r
}

// validateRequest refuses options that no request could have.
func (c *Client) validateRequest() error {
	if err := handshake.CheckRequestHeader(c.header()); err != nil {
		return err
	}
	return (&handshake.Offer{Subprotocols: c.Subprotocols}).Validate()
}
