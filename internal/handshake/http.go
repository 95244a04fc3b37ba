package handshake

import (
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strconv"

	"github.com/framerail/framerail/internal/token"
)

// HTTP builds the *http.Request that net/http would have made of the same head: method, URL,
// header with canonical names, Host, protocol, RequestURI, and remoteAddr as RemoteAddr. Body is
// always http.NoBody. Unlike net/http, HTTP adds no Cache-Control for a Pragma. It copies
// everything, so the result is independent of the head. It allocates.
func (r *Request) HTTP(remoteAddr string) *http.Request {
	req := &http.Request{
		Method:     string(r.Method),
		ProtoMajor: 1,
		ProtoMinor: r.Minor,
		Proto:      protocol(r.Minor),
		Header:     make(http.Header),
		Body:       http.NoBody,
		Host:       string(r.Host),
		RequestURI: string(r.Target),
		RemoteAddr: remoteAddr,
	}

	// net/url accepts every target that Parse accepts.
	req.URL, _ = url.ParseRequestURI(req.RequestURI)

	for name, value := range r.Headers {
		switch known(name) {
		case hostField, transferEncodingField:
			// net/http moves them out of the header.
		default:
			req.Header.Add(string(name), string(value))
		}
	}
	req.Close = r.hasToken(connectionField, "close") ||
		r.Minor == 0 && !r.hasToken(connectionField, "keep-alive")
	return req
}

// ParseHTTP fills r from a request that net/http has read, so that an upgrade inside a net/http
// handler follows the same rules. It writes the head again, into memory that r then refers to, and
// parses it. So changes by middleware are checked like the peer's bytes, and a value cannot
// become a field of its own. The error is a *[Refusal].
//
// An extended CONNECT of HTTP/2 becomes the same handshake over HTTP/1.1, as far as that has the same fields. See
// [Request.IsStream].
func ParseHTTP(req *http.Request, r *Request) error {
	*r = Request{}
	target := req.RequestURI
	if target == "" && req.URL != nil {
		target = req.URL.RequestURI()
	}
	if !all(req.Method, &token.Is) || !all(target, &isTargetByte) {
		return ErrRequestLine
	}
	method, minor, header := req.Method, req.ProtoMinor, req.Header
	stream := IsStreamHTTP(req)
	switch {
	case stream && !isForWebSocket(header):
		return ErrProtocol
	case stream:
		method, minor, header = http.MethodGet, 1, ordinary(header)
	case req.ProtoMajor == 2:
		return ErrHTTP2
	case req.ProtoMajor != 1 || minor < 0 || minor > 9:
		return ErrHTTPMajor
	}
	if err := checkHeader(header, func(string) bool { return false }); err != nil {
		if errors.Is(err, ErrHeaderName) {
			return ErrFieldName
		}
		return ErrControlByte
	}

	head := make([]byte, 0, 1<<10)
	head = append(head, method+" "+target+" "+protocol(minor)+"\r\n"...)
	if req.Host != "" {
		if !ValidHost(req.Host) {
			return ErrHost
		}
		head = appendField(head, "Host", req.Host)
	}
	if len(req.TransferEncoding) > 0 {
		// net/http moves the field out of the header. Its presence is enough.
		head = appendField(head, "Transfer-Encoding", "chunked")
	}
	head = appendHeader(head, header)
	head = append(head, "\r\n"...)
	err := Parse(head, r)
	r.stream = stream
	return err
}

// IsUpgradeHTTP is [Request.IsUpgrade] of a request that net/http has read.
func IsUpgradeHTTP(req *http.Request) bool {
	return req.ProtoMajor == 1 && req.ProtoMinor >= 1 && slices.ContainsFunc(req.Header["Upgrade"], func(list string) bool {
		return HasToken(list, "websocket")
	})
}

func protocol(minor int) string { return "HTTP/1." + strconv.Itoa(minor) }
