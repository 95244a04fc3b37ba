package handshake

import (
	"errors"
	"fmt"
	"maps"
	"net/http"
)

// A handshake over HTTP/2 opens a stream of the connection (RFC 8441). The request is an extended CONNECT, with
// websocket as its :protocol. It has neither Upgrade and Connection nor a key, and 200 accepts it. All
// else is as over HTTP/1.1.

// protocolKey is where net/http has the pseudo-header field :protocol, which no ordinary field can be named.
const protocolKey = ":protocol"

// Refusals of handshakes over HTTP/2.
var (
	// ErrHTTP2 answers a request of HTTP/2 that is no extended CONNECT.
	ErrHTTP2 = &Refusal{
		Status: ErrHTTPMajor.Status,
		Reason: "over HTTP/2 an opening handshake is an extended CONNECT (RFC 8441 4)",
		Cause: errors.New("framerail: a request of HTTP/2 that is no extended CONNECT: net/http offers that to clients only if " +
			"GODEBUG=http2xconnect=1 is in the environment when the program starts, or package server/xconnect is imported"),
		rule: ErrHTTPMajor,
	}
	// ErrProtocol answers an extended CONNECT for another protocol.
	ErrProtocol = refuse(http.StatusNotImplemented, ":protocol is not websocket (RFC 8441 5)")
	// ErrStreamVersion is ErrVersion. HTTP/2 has no 426, because it has no Upgrade.
	ErrStreamVersion = &Refusal{
		Status: http.StatusBadRequest,
		Reason: ErrVersion.Reason,
		Header: http.Header{"Sec-Websocket-Version": {"13"}},
		rule:   ErrVersion,
	}
)

// IsStreamHTTP reports whether a request that net/http has read is an extended CONNECT.
func IsStreamHTTP(req *http.Request) bool {
	return req.ProtoMajor == 2 && req.Method == http.MethodConnect && req.Header[protocolKey] != nil
}

// isForWebSocket reports whether an extended CONNECT asks for a WebSocket.
func isForWebSocket(h http.Header) bool {
	return len(h[protocolKey]) == 1 && h[protocolKey][0] == "websocket"
}

// ordinary is a header without :protocol. It shares its values with h.
func ordinary(h http.Header) http.Header {
	fields := maps.Clone(h)
	delete(fields, protocolKey)
	return fields
}

// IsStream reports whether the request came over HTTP/2.
func (r *Request) IsStream() bool { return r.stream }

// StreamHeader is the header of the 200 that accepts a request over HTTP/2. Its errors are those of AppendResponse.
func StreamHeader(r *Request, resp Response) (http.Header, error) {
	if err := r.checkResponse(resp); err != nil {
		return nil, err
	}
	h := resp.Header.Clone()
	if h == nil {
		h = make(http.Header)
	}
	if resp.Subprotocol != "" {
		h.Set("Sec-WebSocket-Protocol", resp.Subprotocol)
	}
	if resp.Extensions != "" {
		h.Set("Sec-WebSocket-Extensions", resp.Extensions)
	}
	return h, nil
}

// checkResponse holds what the program adds to an answer to the rules.
func (r *Request) checkResponse(resp Response) error {
	// RFC 6455 4.2.2: the subprotocol is one of those the client offered.
	if resp.Subprotocol != "" && !r.OffersSubprotocol(resp.Subprotocol) {
		return &CallerError{What: fmt.Sprintf("subprotocol %q", resp.Subprotocol), Err: ErrSubprotocolNotOffered}
	}
	return checkHeader(resp.Header, ownedInResponse)
}
