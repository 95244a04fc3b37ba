package server

import (
	"github.com/framerail/framerail/internal/gate"
	"github.com/framerail/framerail/internal/handshake"
	"github.com/framerail/framerail/internal/phase"
)

// Reason says why a connection that was accepted never became a WebSocket. With each stands
// what the client got.
type Reason uint8

const (
	// ReasonMalformed: the request breaks HTTP or RFC 6455 4.2.1. 400, 417 or 501.
	ReasonMalformed Reason = iota
	// ReasonTooLarge: the head of the request is over MaxHandshakeBytes or
	// MaxHandshakeHeaders. 431.
	ReasonTooLarge
	// ReasonTimeout: the request did not arrive within HandshakeTimeout. 408, or closed if
	// nothing of it had come. Also a client that stalled its TLS handshake while others
	// waited; closed.
	ReasonTimeout
	// ReasonLeft: the client closed the connection before it sent a request, or while Check
	// ran on a goroutine.
	ReasonLeft
	// ReasonProxyHeader: a proxy of Proxies.Protocol sent no valid PROXY header; closed.
	ReasonProxyHeader
	// ReasonTLS: the TLS handshake failed, with an alert, or plain HTTP came instead, with
	// 400.
	ReasonTLS
	// ReasonTLSBusy: the TLS handshake waited for MaxTLSHandshakes for all of
	// HandshakeTimeout; closed.
	ReasonTLSBusy
	// ReasonNotUpgrade: an ordinary request, and no Handler. 426 or 405.
	ReasonNotUpgrade
	// ReasonVersion: an unknown version of HTTP or of the WebSocket protocol. 505 or 426.
	ReasonVersion
	// ReasonPath: a path other than Server.Path. 404.
	ReasonPath
	// ReasonOrigin: a web page of an origin that is not allowed. 403.
	ReasonOrigin
	// ReasonSubprotocol: RequireSubprotocol is set, and the client offered none of the
	// server's. 400.
	ReasonSubprotocol
	// ReasonCheck: the program's Check refused, with its own answer or 403.
	ReasonCheck
	// ReasonCheckBusy: MaxChecks were running on goroutines. 503.
	ReasonCheckBusy
	// ReasonCheckLate: Check did not decide within CheckTimeout. 503.
	ReasonCheckLate
	// ReasonUnavailable: the server had no room for a connection that Upgrade gave it. 503.
	ReasonUnavailable
	// ReasonRate: too many connections waited for HandshakesPerSecond, most of them from
	// this address; closed.
	ReasonRate
	// ReasonConnections: MaxConnections were open. 503, or closed.
	ReasonConnections
	// ReasonAddress: MaxConnectionsPerAddress were open. 429, or closed.
	ReasonAddress
	// ReasonMemory: buffers took nearly MaxBuffers, or handshakes their share of it. 503, or
	// closed before the request.
	ReasonMemory
	// ReasonDraining: the server is shutting down. 503.
	ReasonDraining
	// ReasonInternal: the server or the program failed. 500.
	ReasonInternal

	reasonCount // how many there are
)

// reasonNames are the reasons in Stats, logs and metrics.
var reasonNames = [reasonCount]string{
	"malformed", "too_large", "timeout", "left", "proxy_header", "tls", "tls_busy", "not_upgrade", "version", "path",
	"origin", "subprotocol", "check", "check_busy", "check_late", "unavailable", "rate", "connections", "address",
	"memory", "draining", "internal",
}

// String returns the reason in lower case, such as "not_upgrade".
func (r Reason) String() string {
	if r >= reasonCount {
		return "unknown"
	}
	return reasonNames[r]
}

// MarshalText returns String, so that encoding/json has an object such as {"timeout": 3}.
func (r Reason) MarshalText() ([]byte, error) { return []byte(r.String()), nil }

// unanswered are the reasons for which a connection is closed without an answer.
var unanswered = [phase.Reasons]Reason{
	phase.Left:           ReasonLeft,
	phase.Timeout:        ReasonTimeout,
	phase.BadProxyHeader: ReasonProxyHeader,
	phase.TLSFailed:      ReasonTLS,
	phase.TLSBusy:        ReasonTLSBusy,
	phase.NoMemory:       ReasonMemory,
	phase.Draining:       ReasonDraining,
	phase.Failed:         ReasonInternal,
}

// reasonOf is what an answer is counted as. One that the server does not know was
// made for the program.
func reasonOf(refusal *handshake.Refusal) Reason {
	if refusal.Malformed() {
		return ReasonMalformed
	}
	if refusal == phase.ErrNoMemory {
		return ReasonMemory
	}
	switch refusal.Rule() {
	case handshake.ErrHeadTooLong, handshake.ErrTooManyHeaders:
		return ReasonTooLarge
	case handshake.ErrTransferCoding, handshake.ErrExpectation, handshake.ErrProtocol:
		return ReasonMalformed
	case handshake.ErrTimeout:
		return ReasonTimeout
	case handshake.ErrNotUpgrade, handshake.ErrMethod:
		return ReasonNotUpgrade
	case handshake.ErrVersion, handshake.ErrHTTPMajor:
		return ReasonVersion
	case handshake.ErrNotFound:
		return ReasonPath
	case handshake.ErrOrigin:
		return ReasonOrigin
	case handshake.ErrNoSubprotocol:
		return ReasonSubprotocol
	case handshake.ErrUnavailable:
		return ReasonUnavailable
	case gate.ErrTooMany:
		return ReasonConnections
	case gate.ErrTooManyFromAddress:
		return ReasonAddress
	case phase.ErrCheckBusy:
		return ReasonCheckBusy
	case phase.ErrCheckLate:
		return ReasonCheckLate
	case phase.ErrPlainHTTP:
		return ReasonTLS
	case phase.ErrDraining:
		return ReasonDraining
	case handshake.ErrInternal:
		return ReasonInternal
	}
	return ReasonCheck
}
