package handshake

import (
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"

	"github.com/framerail/framerail/internal/token"
)

// A CallerError says that the program, not the peer, is at fault: its answer
// cannot be sent. Err is one of the rules below, for errors.Is.
type CallerError struct {
	What string // the field, subprotocol or status
	Err  error  // the rule
}

func (e *CallerError) Error() string { return fmt.Sprintf("framerail: %s: %v", e.What, e.Err) }

// Unwrap gives the rule.
func (e *CallerError) Unwrap() error { return e.Err }

// The rules for what a program adds to an answer.
var (
	ErrHeaderName            = errors.New("header name is not a token (RFC 9110 5.1)")
	ErrHeaderValue           = errors.New("header value holds CR, LF, NUL or another control byte (RFC 9110 5.5)")
	ErrHeaderOwned           = errors.New("header is the handshake's own (RFC 6455 4.2.2)")
	ErrSubprotocolNotOffered = errors.New("subprotocol was not offered (RFC 6455 4.2.2)")
	ErrStatus                = errors.New("status is not a refusal's")
)

// checkHeader checks a program's header against RFC 9110 5.1 and 5.5, and refuses the fields
// that are owned. Its error quotes the name, which may hold any bytes.
func checkHeader(h http.Header, owned func(name string) bool) error {
	for name, values := range h {
		what := func() string { return fmt.Sprintf("header %q", name) }
		if !all(name, &token.Is) {
			return &CallerError{What: what(), Err: ErrHeaderName}
		}
		if owned(name) {
			return &CallerError{What: what(), Err: ErrHeaderOwned}
		}
		for _, value := range values {
			if value != "" && !all(value, &isFieldByte) {
				return &CallerError{What: what(), Err: ErrHeaderValue}
			}
		}
	}
	return nil
}

// ownedAlways reports whether a field frames a message: RFC 9112 6.
func ownedAlways(name string) bool {
	return equalFold(name, "Content-Length") || equalFold(name, "Transfer-Encoding") || equalFold(name, "Trailer")
}

// appendHeader appends a checked header, sorted by name so that the same header
// gives the same bytes.
func appendHeader(dst []byte, h http.Header) []byte {
	if len(h) == 0 {
		return dst
	}
	for _, name := range slices.Sorted(maps.Keys(h)) {
		for _, value := range h[name] {
			dst = appendField(dst, name, value)
		}
	}
	return dst
}

func appendField(dst []byte, name, value string) []byte {
	dst = append(dst, name...)
	dst = append(dst, ": "...)
	dst = append(dst, value...)
	return append(dst, "\r\n"...)
}
