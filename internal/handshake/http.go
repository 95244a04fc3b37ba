package handshake

import (
	"net/http"
	"net/url"
)

// HTTP builds the *http.Request that net/http would have made of the same head,
// for a program that asks: method, URL, header with canonical names, Host,
// protocol, RequestURI, and remoteAddr as its RemoteAddr. Body is http.NoBody,
// whatever the request announces. Unlike net/http it adds no Cache-Control for
// a Pragma. Everything is copied: the result is independent of the head. It
// allocates.
func (r *Request) HTTP(remoteAddr string) *http.Request {
	req := &http.Request{
		Method:     string(r.Method),
		ProtoMajor: 1,
		ProtoMinor: r.Minor,
		Proto:      "HTTP/1." + string('0'+rune(r.Minor)),
		Header:     make(http.Header),
		Body:       http.NoBody,
		Host:       string(r.Host),
		RequestURI: string(r.Target),
		RemoteAddr: remoteAddr,
	}

	// What Parse accepts, net/url does too.
	req.URL, _ = url.ParseRequestURI(req.RequestURI)

	for name, value := range r.Headers {
		switch known(name) {
		case hostField, transferEncodingField:
			// net/http moves them out of the header.
		default:
			req.Header.Add(string(name), string(value))
		}
	}
	req.Close = r.Minor == 0 || r.hasToken(connectionField, "close")
	return req
}

// ParseHTTP fills r from a request that net/http has read, so that an upgrade
// inside a net/http handler is held to the same rules. It writes the head anew
// into memory of its own, which r then refers to, and parses it: what
// middleware put into the request is checked like the peer's bytes. The error
// is a *[Refusal].
func ParseHTTP(req *http.Request, r *Request) error {
	target := req.RequestURI
	if target == "" && req.URL != nil {
		target = req.URL.RequestURI()
	}
	head := make([]byte, 0, 1<<10)
	head = append(head, req.Method+" "+target+" "+req.Proto+"\r\n"...)
	if req.Host != "" {
		head = appendField(head, "Host", req.Host)
	}
	head = appendHeader(head, req.Header)
	head = append(head, "\r\n"...)
	return Parse(head, r)
}
