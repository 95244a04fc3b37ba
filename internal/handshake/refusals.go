package handshake

import (
	"errors"
	"net/http"
	"strconv"
	"strings"
)

// Refusals of the bytes, found while scanning or parsing.
var (
	ErrBareLF           = bad("line feed without carriage return before it (RFC 9112 2.2)")
	ErrBareCR           = bad("carriage return without line feed behind it (RFC 9112 2.2)")
	ErrControlByte      = bad("control byte in the request head (RFC 9110 5.5)")
	ErrObsFold          = bad("line begins with white space (RFC 9112 2.2 and 5.2)")
	ErrIncomplete       = bad("request head does not end with its first empty line (RFC 9112 2.1)")
	ErrRequestLine      = bad("malformed request line (RFC 9112 3)")
	ErrHTTPVersion      = bad("malformed HTTP version (RFC 9112 2.3)")
	ErrTarget           = bad("malformed request target (RFC 9112 3.2)")
	ErrFieldName        = bad("malformed field name (RFC 9112 5, RFC 9110 5.1)")
	ErrSpaceBeforeColon = bad("white space between field name and colon (RFC 9112 5.1)")

	ErrHTTPMajor = refuse(http.StatusHTTPVersionNotSupported, "HTTP version is not 1.x (RFC 9110 15.6.6)")

	// The size of a request line is judged with that of the fields: RFC 6585 5.
	ErrHeadTooLong    = refuse(http.StatusRequestHeaderFieldsTooLarge, "request head too long (RFC 6585 5)")
	ErrTooManyHeaders = refuse(http.StatusRequestHeaderFieldsTooLarge, "too many header fields (RFC 6585 5)")
)

// Refusals of what the fields of any request say.
var (
	ErrHost             = bad("malformed Host (RFC 9112 3.2)")
	ErrHostMissing      = bad("no Host (RFC 9112 3.2)")
	ErrHostRepeated     = bad("more than one Host (RFC 9112 3.2)")
	ErrContentLength    = bad("malformed or repeated Content-Length (RFC 9112 6.3)")
	ErrTransferEncoding = bad("Transfer-Encoding in which chunked is not once and last, or in HTTP/1.0 (RFC 9112 6.1 and 6.3)")
	ErrTransferCoding   = refuse(http.StatusNotImplemented, "transfer coding other than chunked (RFC 9112 6.1)")
	ErrLengthAndCoding  = bad("both Content-Length and Transfer-Encoding (RFC 9112 6.1)")
)

// Refusals of an opening handshake.
var (
	ErrHTTP10          = bad("opening handshake needs HTTP/1.1 (RFC 6455 4.2.1)")
	ErrConnection      = bad("Connection does not list upgrade (RFC 6455 4.2.1)")
	ErrBody            = bad("opening handshake with content (RFC 6455 4.2.1)")
	ErrVersionRepeated = bad("more than one Sec-WebSocket-Version (RFC 6455 11.3.5)")
	ErrKey             = bad("Sec-WebSocket-Key is not 16 bytes in base64 (RFC 6455 4.2.1)")
	ErrKeyMissing      = bad("no Sec-WebSocket-Key (RFC 6455 4.2.1)")
	ErrKeyRepeated     = bad("more than one Sec-WebSocket-Key (RFC 6455 11.3.1)")
	ErrSubprotocols    = bad("malformed Sec-WebSocket-Protocol (RFC 6455 4.3)")
	ErrExtensions      = bad("malformed Sec-WebSocket-Extensions (RFC 6455 9.1)")
	ErrOriginMalformed = bad("malformed Origin (RFC 6454 7)")
	ErrOriginRepeated  = bad("more than one Origin (RFC 6454 7.3)")

	ErrOrigin = refuse(http.StatusForbidden, "origin is neither this host's nor one of the server's OriginPatterns (RFC 6455 10.2)")

	ErrMethod = refuse(http.StatusMethodNotAllowed, "opening handshake needs GET (RFC 6455 4.2.1)",
		"Allow", "GET")
	ErrNotUpgrade = refuse(http.StatusUpgradeRequired, "Upgrade does not list websocket (RFC 6455 4.2.1)",
		"Upgrade", "websocket")
	ErrVersion = refuse(http.StatusUpgradeRequired, "Sec-WebSocket-Version is not 13 (RFC 6455 4.4)",
		"Upgrade", "websocket", "Sec-WebSocket-Version", "13")
	ErrNoSubprotocol = refuse(http.StatusBadRequest, "no subprotocol of this server's is offered (RFC 6455 4.2.2)")
	ErrExpectation   = refuse(http.StatusExpectationFailed, "Expect lists more than 100-continue (RFC 9110 10.1.1)")
)

// Refusals for the server's own reasons.
var (
	// ErrTimeout answers a request whose head did not arrive in time.
	ErrTimeout = refuse(http.StatusRequestTimeout, "request head did not arrive in time (RFC 9110 15.5.9)")

	// ErrNotFound answers a handshake on a path that is not served.
	ErrNotFound = refuse(http.StatusNotFound, "no WebSocket here (RFC 9110 15.5.5)")

	// ErrForbidden answers when the program refuses without saying how.
	ErrForbidden = refuse(http.StatusForbidden, "refused (RFC 9110 15.5.4)")

	// ErrInternal answers when the program's own answer cannot be sent.
	ErrInternal = refuse(http.StatusInternalServerError, "internal server error (RFC 9110 15.6.1)")

	// ErrUnavailable answers when there is no room; see [Unavailable].
	ErrUnavailable = refuse(http.StatusServiceUnavailable, "no room for another connection (RFC 9110 15.6.4)")
)

// Unavailable is [ErrUnavailable] with Retry-After in seconds, at least 1.
// RFC 9110 10.2.3.
func Unavailable(seconds int) *Refusal {
	r := refuse(ErrUnavailable.Status, ErrUnavailable.Reason, "Retry-After", strconv.Itoa(max(seconds, 1)))
	r.rule = ErrUnavailable
	return r
}

// NoSubprotocol is [ErrNoSubprotocol] for a server that speaks these.
func NoSubprotocol(names []string) *Refusal {
	r := refuse(ErrNoSubprotocol.Status, ErrNoSubprotocol.Reason+": "+strings.Join(names, ", "))
	r.rule = ErrNoSubprotocol
	return r
}

// RefusalOf is the refusal that an error is or wraps. Any other error is [ErrInternal].
func RefusalOf(err error) *Refusal {
	var refusal *Refusal
	if errors.As(err, &refusal) {
		return refusal
	}
	return ErrInternal
}

func bad(reason string) *Refusal {
	r := refuse(http.StatusBadRequest, reason)
	r.malformed = true
	return r
}

// refuse makes a refusal with headers given as name, value, name, value.
func refuse(status int, reason string, header ...string) *Refusal {
	r := &Refusal{Status: status, Reason: reason}
	for i := 0; i < len(header); i += 2 {
		if r.Header == nil {
			r.Header = http.Header{}
		}
		r.Header.Set(header[i], header[i+1])
	}
	return r
}
