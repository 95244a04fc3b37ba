package server

import (
	"time"

	"github.com/framerail/framerail/conn"
	"github.com/framerail/framerail/internal/handshake"
	"github.com/framerail/framerail/internal/session"
)

// Defaults of the server's own options.
const (
	// defaultHandshakesPerSecond is half of what one core can do: a flood of handshakes
	// leaves the rest to the connections there are.
	defaultHandshakesPerSecond = 10_000
	// defaultHandshakeTimeout is the time a client has for its whole request. It is ample for a
	// phone far away, and short for a client that sends a byte a second.
	defaultHandshakeTimeout = 5 * time.Second
	// defaultMaxTLSHandshakes is as many as a second's worth on a few cores; each takes
	// some 30 KB while it goes on.
	defaultMaxTLSHandshakes = 1024
	// defaultMaxChecks is more than most databases answer at once: those beyond would
	// wait there.
	defaultMaxChecks = 1024
	// defaultCheckTimeout is the time Check has on a goroutine: people have gone by then.
	defaultCheckTimeout = 5 * time.Second
	// defaultBodyTimeout is the longest that a request's content may stand still: as long as
	// an answer may.
	defaultBodyTimeout = session.DefaultWriteTimeout
	// defaultMaxLifetime is finite so that no permission lasts for ever. Clients have to connect
	// again now and then anyway.
	defaultMaxLifetime = 24 * time.Hour
	// defaultSlowCallback is a delay that people notice.
	defaultSlowCallback = 100 * time.Millisecond
	// defaultMaxHandshakeBytes and defaultMaxHandshakeHeaders bound the request's head.
	// Browsers send about 1,000 bytes in 12 to 20 lines, and cookies.
	defaultMaxHandshakeBytes   = handshake.MaxHeadBytes
	defaultMaxHandshakeHeaders = handshake.MaxHeaders
)

// Limits bound what clients may use of a server. Zero means the default that is given with each. Times may be
// of any length. They take effect up to 50 ms late. Times beyond a year may be late by a second in eight
// years. [Handshake].Limits may change the limits of a single connection.
type Limits struct {
	// Limits bound what one connection may use. A program sets them by their own names, as in
	// srv.MaxPending = 1 << 20, and for a single connection with [Handshake].Limits or
	// [conn.Conn.SetLimits]. WriteTimeout, MaxLifetime and CloseTimeout hold for connections of
	// the Handler, too: one whose lifetime is over is closed when it is idle; while it serves a
	// request, the request's context ends, and the connection is cut CloseTimeout later.
	conn.Limits

	// MaxConnections bounds connections in all, in every stage and including those of the
	// Handler. Beyond it handshakes get 503 with Retry-After. If too many wait for that answer,
	// they are closed. Over TLS the answer needs a TLS handshake first: a hundred a second get
	// it, and the others are closed before the handshake. 0: the limit on open descriptors, less
	// a 32nd of it for the rest of the program, at least 16 and at most 1,024. Negative: no
	// limit.
	MaxConnections int
	// MaxConnectionsPerAddress bounds connections from one IPv4 address or one IPv6 network of 64
	// bits. Beyond it handshakes get 429 with Retry-After, or are closed as above. 0: an eighth
	// of MaxConnections, at least 16. Loopback, private and link-local addresses then have no
	// limit, because a proxy is likely to be there. Negative: no limit. Unix sockets have no
	// address and no such limit. Connections through a proxy of Server.Proxies count by the
	// client's address. The proxy's own have no such limit.
	MaxConnectionsPerAddress int
	// HandshakesPerSecond bounds how many connections begin their handshake in a second. A
	// second's worth may come at once. Beyond it connections wait, and addresses take turns. As
	// many wait as get their turn within HandshakeTimeout, at least 1,024 and at most 16,384. If
	// there are more, connections of the address that has most are closed.
	//
	// Connections that their clients have closed meanwhile do not count. Neither do those beyond
	// MaxConnections or MaxConnectionsPerAddress. A tenth as many of these a second, at least 100,
	// get an answer, and the others are closed. 0: 10,000. Negative: no limit.
	HandshakesPerSecond int

	// MaxBuffers bounds the bytes of all buffers that connections hold together: frames that wait
	// for clients, incomplete messages, events that wait for callbacks, and unfinished
	// handshakes.
	//
	// Handshakes hold a quarter of it at most, and at most 16 MiB for each loop. That covers the
	// PROXY header, the ClientHello, the request, its Check and its refusal. Beyond it, and at
	// 95 % of MaxBuffers, the handshakes that hold most get 503, or are closed if there is no HTTP
	// yet.
	//
	// At 95 % new handshakes get 503 with Retry-After. At 98 % the connections that hold most are
	// closed with 1013 (Try Again Later), until 95 % are left. At 100 % messages in progress wait
	// for that. Messages that the program sends to clients that do not read may pass it by some
	// percent. 0: a quarter of the memory that GOMEMLIMIT, the container or the machine allows, at
	// least 16 MiB. If that is unknown, it is taken for 2 GiB. Negative: no limit.
	MaxBuffers int64

	// MaxHandshakeBytes and MaxHandshakeHeaders bound the head of a request and its field lines.
	// Beyond either the request gets 431. 0: 8 KiB, and 100. More than 1 MiB counts as 1 MiB.
	MaxHandshakeBytes   int
	MaxHandshakeHeaders int
	// MaxTLSHandshakes bounds how many TLS handshakes run at once, each on a goroutine. It is
	// divided among the loops. A handshake begins when the client's first record has arrived.
	// Further handshakes queue, without a goroutine, for at most HandshakeTimeout. While any are
	// queued, a client that stalls its own for a fifth of HandshakeTimeout is closed, or for less
	// if many do. 0: 1,024.
	MaxTLSHandshakes int
	// HandshakeTimeout is the time from accepting a connection to the end of its request, with
	// the TLS handshake. A late request gets 408. If none of it has arrived, the connection is
	// closed without an answer, because browsers open connections in advance. 0: 5 s.
	HandshakeTimeout time.Duration
	// MaxChecks bounds how many Checks run at once on goroutines, if CheckDispatch says so. It is
	// divided among the loops. Four times as many handshakes wait, without a goroutine. Further
	// ones get 503 with Retry-After at once. So does a handshake whose Check has not begun within
	// CheckTimeout. Handlers that call Upgrade have as many Checks again, and do not wait. A Check
	// that ignores its context counts until it returns. 0: 1,024.
	MaxChecks int
	// CheckTimeout is the time from a whole request to the end of such a Check. Then its context
	// ends, and the client gets 503 with Retry-After. 0: 5 s.
	CheckTimeout time.Duration
	// PingInterval is the longest time in which a client is sent nothing. Then it is sent a ping,
	// whether it sends anything or not. See Pings in the package's documentation. 0: 45 s. No
	// pings are sent if IdleTimeout is negative. Negative: only the pings of IdleTimeout.
	PingInterval time.Duration
	// BodyTimeout bounds how long the content of a request at the Handler may stop arriving. Then
	// reading it fails with [os.ErrDeadlineExceeded], and the connection is closed after the
	// answer. 0: 30 s. Negative: never.
	BodyTimeout time.Duration
}
