package server

import "github.com/framerail/framerail/internal/handshake"

// Reason says why a connection that was accepted never became a WebSocket.
type Reason string

const (
	// Malformed: the request is against HTTP or RFC 6455 4.2.1; 400, 417 or 501.
	Malformed Reason = "malformed"
	// TooLarge: the request's head, or its header lines; 431.
	TooLarge Reason = "too_large"
	// Timeout: the request did not arrive within HandshakeTimeout; 408, or closed unanswered if
	// nothing of it has come. Or a TLS handshake kept others waiting; closed.
	Timeout Reason = "timeout"
	// Left: the client closed before it had asked, or while Check ran on a goroutine.
	Left Reason = "left"
	// ProxyHeader: a proxy of Proxies.Protocol sent no good header of the PROXY protocol;
	// closed.
	ProxyHeader Reason = "proxy_header"
	// TLSFailed: the TLS handshake failed, or plain HTTP came in its place; an alert, or
	// 400.
	TLSFailed Reason = "tls"
	// TLSBusy: as many TLS handshakes as MaxTLSHandshakes allows were going on for all of
	// HandshakeTimeout; closed.
	TLSBusy Reason = "tls_busy"
	// NotUpgrade: an ordinary request, and there is no Handler; 426 or 405.
	NotUpgrade Reason = "not_upgrade"
	// Version: of HTTP or of the WebSocket protocol; 505 or 426.
	Version Reason = "version"
	// Path: not the server's; 404.
	Path Reason = "path"
	// Origin: a page of another origin; 403.
	Origin Reason = "origin"
	// Subprotocol: RequireSubprotocol, and the client offers none; 400.
	Subprotocol Reason = "subprotocol"
	// Checked: the program's Check refused.
	Checked Reason = "check"
	// CheckBusy: as many Checks as MaxChecks allows were running on goroutines; 503.
	CheckBusy Reason = "check_busy"
	// CheckLate: Check did not decide within CheckTimeout; 503.
	CheckLate Reason = "check_late"
	// Unavailable: there is no room; 503.
	Unavailable Reason = "unavailable"
	// TooFast: more connections waited for HandshakesPerSecond than there is room for, most
	// of them from this address; closed.
	TooFast Reason = "rate"
	// TooMany: MaxConnections; 503, or closed unanswered, over TLS before its handshake.
	TooMany Reason = "connections"
	// TooManyFromAddress: MaxConnectionsPerAddress; 429, or closed unanswered.
	TooManyFromAddress Reason = "address"
	// NoMemory: the buffers of all connections are near MaxBuffers, or those of handshakes
	// that are not done hold their share of it; 503, or closed before the request.
	NoMemory Reason = "memory"
	// Draining: the server is ending; 503.
	Draining Reason = "draining"
	// Internal: the server or the program failed; 500.
	Internal Reason = "internal"
)

// reason is a Reason's place in reasons. Count one with running.refuse, once for
// each connection.
type reason uint8

const (
	reasonMalformed reason = iota
	reasonTooLarge
	reasonTimeout
	reasonLeft
	reasonProxyHeader
	reasonTLS
	reasonTLSBusy
	reasonNotUpgrade
	reasonVersion
	reasonPath
	reasonOrigin
	reasonSubprotocol
	reasonChecked
	reasonCheckBusy
	reasonCheckLate
	reasonUnavailable
	reasonTooFast
	reasonTooMany
	reasonTooManyFromAddress
	reasonNoMemory
	reasonDraining
	reasonInternal
	reasonCount // how many there are
)

var reasons = [reasonCount]Reason{
	reasonMalformed:          Malformed,
	reasonTooLarge:           TooLarge,
	reasonTimeout:            Timeout,
	reasonLeft:               Left,
	reasonProxyHeader:        ProxyHeader,
	reasonTLS:                TLSFailed,
	reasonTLSBusy:            TLSBusy,
	reasonNotUpgrade:         NotUpgrade,
	reasonVersion:            Version,
	reasonPath:               Path,
	reasonOrigin:             Origin,
	reasonSubprotocol:        Subprotocol,
	reasonChecked:            Checked,
	reasonCheckBusy:          CheckBusy,
	reasonCheckLate:          CheckLate,
	reasonUnavailable:        Unavailable,
	reasonTooFast:            TooFast,
	reasonTooMany:            TooMany,
	reasonTooManyFromAddress: TooManyFromAddress,
	reasonNoMemory:           NoMemory,
	reasonDraining:           Draining,
	reasonInternal:           Internal,
}

// refuse counts a connection that never became one. From any goroutine.
func (r *running) refuse(why reason) { r.refused[why].Add(1) }

// reasonOf is what an answer is counted as. One that the server does not know was
// made for the program.
func reasonOf(refusal *handshake.Refusal) reason {
	if refusal.Malformed() {
		return reasonMalformed
	}
	if refusal == errNoMemory {
		return reasonNoMemory
	}
	switch refusal.Rule() {
	case handshake.ErrHeadTooLong, handshake.ErrTooManyHeaders:
		return reasonTooLarge
	case handshake.ErrTransferCoding, handshake.ErrExpectation:
		return reasonMalformed
	case handshake.ErrTimeout:
		return reasonTimeout
	case handshake.ErrNotUpgrade, handshake.ErrMethod:
		return reasonNotUpgrade
	case handshake.ErrVersion, handshake.ErrHTTPMajor:
		return reasonVersion
	case handshake.ErrNotFound:
		return reasonPath
	case handshake.ErrOrigin:
		return reasonOrigin
	case handshake.ErrNoSubprotocol:
		return reasonSubprotocol
	case handshake.ErrUnavailable:
		return reasonUnavailable
	case errTooMany:
		return reasonTooMany
	case errTooManyFromAddress:
		return reasonTooManyFromAddress
	case errCheckBusy:
		return reasonCheckBusy
	case errCheckLate:
		return reasonCheckLate
	case errPlain:
		return reasonTLS
	case errDraining:
		return reasonDraining
	case handshake.ErrInternal:
		return reasonInternal
	}
	return reasonChecked
}
