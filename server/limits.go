package server

import (
	"time"

	"github.com/framerail/framerail/conn"
	"github.com/framerail/framerail/internal/handshake"
	"github.com/framerail/framerail/internal/session"
)

// Defaults of the server's own options.
const (
	// defaultHandshakesPerSecond is more than one core can do: a flood of handshakes
	// leaves the others to the connections there are.
	defaultHandshakesPerSecond = 10_000
	// defaultHandshakeTimeout is the time a client has for its whole request:
	// ample for a phone far away, short for one who sends a byte a second.
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
	// defaultMaxLifetime is finite so that nothing is for ever, what a client was once
	// allowed included; clients have to connect again now and then anyway.
	defaultMaxLifetime = 24 * time.Hour
	// defaultSlowCallback is a delay that people notice.
	defaultSlowCallback = 100 * time.Millisecond
	// defaultMaxHandshakeBytes and defaultMaxHandshakeHeaders bound the request's head.
	// Browsers send about 1,000 bytes in 12 to 20 lines, and cookies.
	defaultMaxHandshakeBytes   = handshake.MaxHeadBytes
	defaultMaxHandshakeHeaders = handshake.MaxHeaders
)

// Limits bound what a client may use of a server. Every zero means the default beside
// it. Times may be of any length: they end what they bound up to 50 ms late, those beyond a
// year by up to a second in eight years. What Limits say of a single connection,
// [Handshake].Limits may say otherwise.
type Limits struct {
	// Limits bound what one connection may use. A program sets them by their own names, as in
	// srv.MaxPending = 1 << 20, and for a single connection with [Handshake].Limits or
	// [conn.Conn.SetLimits]. WriteTimeout, MaxLifetime and CloseTimeout hold for connections of
	// the Handler, too: one whose lifetime is over is closed when it is idle; while it serves a
	// request, the request's context ends, and the connection is cut CloseTimeout later.
	conn.Limits

	// MaxConnections bounds connections in all, in whatever stage and those of the
	// Handler included. Beyond it handshakes get 503 with Retry-After or, if too many
	// wait for that already, a closed connection. Over TLS, where the answer takes a TLS
	// handshake first, a hundred a second get it, and the others are closed before that.
	// 0: what the limit on open descriptors allows less a 32nd of it, 16 at least and
	// 1,024 at most, for what else the program opens. Negative: no limit.
	MaxConnections int
	// MaxConnectionsPerAddress bounds those from one IPv4 address or one IPv6 network of
	// 64 bits; beyond it handshakes get 429 with Retry-After, or are closed as above. 0:
	// an eighth of MaxConnections, 16 at least, and no limit for loopback, private and
	// link-local addresses, where a proxy is likely to be. Negative: no limit. Connections
	// over unix sockets have no address and no such limit. Those through a
	// proxy of Server.Proxies count by the client's address; the proxy's own have no such
	// limit.
	MaxConnectionsPerAddress int
	// HandshakesPerSecond bounds how many connections begin their handshake, after a
	// second's worth at once. Beyond it they wait, and addresses take turns. As many wait as
	// get their turn within HandshakeTimeout, 1,024 at least and 16,384 at most; of more,
	// those of the address that has most are closed. Connections that their clients have
	// closed by then are not counted, nor are those beyond MaxConnections or
	// MaxConnectionsPerAddress: a tenth as many of these a second, 100 at least, are told
	// so, and the others closed. 0: 10,000. Negative: no limit.
	HandshakesPerSecond int

	// MaxBuffers bounds the bytes of all buffers that connections hold together: frames
	// that wait for clients, messages that are not whole, what waits for callbacks, and
	// handshakes that are not done. Those that are not done, be it the PROXY header, the
	// ClientHello, the request, its Check or its refusal, hold a quarter of it at most, and
	// 16 MiB for each loop; beyond that, and at 95 % of MaxBuffers, those of them that hold
	// most get 503 or, before there is HTTP, are closed. At 95 % new handshakes get 503
	// with Retry-After; at 98 % those connections that hold most are closed with 1013,
	// until 95 % are left. At all of it messages in
	// progress wait until then, and what the program sends to those who do not read may
	// pass it by some percent. 0: a quarter of the memory that GOMEMLIMIT, the container or
	// the machine allows, 16 MiB at least; of 2 GiB where that is not known. Negative: no
	// limit.
	MaxBuffers int64

	// MaxHandshakeBytes and MaxHandshakeHeaders bound the head of a request and the
	// field lines in it; beyond either it gets 431. 0: 8 KiB, and 100. More than 1 MiB
	// counts as 1 MiB.
	MaxHandshakeBytes   int
	MaxHandshakeHeaders int
	// MaxTLSHandshakes bounds how many TLS handshakes go on at once, each on a goroutine
	// of its own; it is divided among the loops. One begins when the client's first record is
	// there. The others wait, without a goroutine, for HandshakeTimeout at most; and while
	// some do, a client that keeps a handshake waiting for a fifth of HandshakeTimeout, or for
	// less where many do, is closed. 0: 1,024.
	MaxTLSHandshakes int
	// HandshakeTimeout is the time from accepting a connection to the end of its
	// request, the TLS handshake included; then it gets 408, if some of it has come, and is
	// closed without a word otherwise: browsers open connections in advance. 0: 5 s.
	HandshakeTimeout time.Duration
	// MaxChecks bounds how many Checks run at once if CheckDispatch has them run on
	// goroutines; it is divided among the loops. Four times as many wait for that, without
	// a goroutine; those beyond get 503 with Retry-After at once, and those about which
	// none began within CheckTimeout then. Those of handlers that call Upgrade are as many
	// again, and do not wait. A Check that does not heed its context counts until it
	// returns. 0: 1,024.
	MaxChecks int
	// CheckTimeout is the time from a whole request to the end of such a Check; then its
	// context is done and the client gets 503 with Retry-After. 0: 5 s.
	CheckTimeout time.Duration
	// PingInterval is how long a client may be sent nothing: then it is sent a ping, whether
	// it sends anything or not. See Pings. 0: 45 s, unless IdleTimeout is
	// negative: then no pings are sent. Negative: none but those of IdleTimeout.
	PingInterval time.Duration
	// BodyTimeout bounds how long the content of a request at the Handler may stand still.
	// Then reading it fails with [os.ErrDeadlineExceeded], and the connection is closed
	// behind the answer. 0: 30 s. Negative: never.
	BodyTimeout time.Duration
}

const (
	// logEvery is how often the log tells of events of one kind, once it has told of
	// logBurst of them. kindsMost bounds what is remembered for that.
	logEvery  = time.Second
	logBurst  = 10
	kindsMost = 256
	// lingerTimeout is how long a refused client may take to read its answer
	// before the socket is closed under it.
	lingerTimeout = 2 * time.Second
	// checksWaiting is how many times as many clients as may be checked wait for that:
	// beyond, their time would be over before their turn comes.
	checksWaiting = 4
	// checkAhead is how many bytes are read, at least, of what a client sends behind its
	// request while that is checked. A client may say what it likes before it is accepted,
	// but not keep the server from noticing that others leave.
	checkAhead = 4 << 10
	// stallShare is the part of HandshakeTimeout for which a client may keep the goroutine
	// of its TLS handshake waiting while others wait for one: by default that is a second,
	// which is some round trips to a phone. Where they are many it is less, down to a
	// stallShort of that.
	stallShare = 5
	stallShort = 4
	// drainGrace is how long a client that was accepted has for its request once
	// the server drains: some round trips to a phone. Beyond it, it gets 503.
	drainGrace = 2 * time.Second
	// scratchSize is a loop's buffer for handshakes in bytes: the longest head by
	// default, and the first frames behind it. A longer head comes in pieces.
	scratchSize = 2 * defaultMaxHandshakeBytes
)
