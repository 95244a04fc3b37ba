package session

import (
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/netip"
	"time"

	"github.com/framerail/framerail/frame"
	"github.com/framerail/framerail/internal/session/sendq"
)

// Dispatch says where callbacks run.
type Dispatch uint8

const (
	// OnLoop runs callbacks on the event loop: the fastest way, without allocation
	// or hand-over. A callback must not block; while it runs, the loop's other
	// connections wait.
	OnLoop Dispatch = iota
	// OnGoroutines runs callbacks on goroutines, one at a time for each connection
	// and none while it is idle. A callback may block. Messages wait in a bounded
	// queue; while it is full, the socket is not read.
	OnGoroutines
	// Adaptive runs Message callbacks on the event loop while they return soon, and all
	// others on goroutines. A callback may block: if one holds the loop, another goroutine
	// takes the loop over.
	Adaptive
)

// Defaults and bounds. A zero in [Config] means the default beside it here.
const (
	// DefaultMaxMessageSize is in bytes. Small enough that the pending bound holds
	// four answers of that size.
	DefaultMaxMessageSize = 256 << 10
	// DefaultMaxFragments is a count for each message.
	DefaultMaxFragments = 1 << 17
	// DefaultMessagesPerSecond is what one connection may send: as much as keeps a
	// core busy when each message comes in a packet of its own, and far more than
	// anyone types, plays or measures. A program whose peers pour in data raises it.
	DefaultMessagesPerSecond = 100_000
	// DefaultControlFramesPerSecond leaves room for peers that measure the round trip
	// with every frame of a game.
	DefaultControlFramesPerSecond = 100
	// MaxControlFramesPerSecond is the highest limit that can be kept.
	MaxControlFramesPerSecond = 1000 * controlUnits
	// DefaultCompressionPerSecond is in bytes, of what messages inflate to: a gigabit a
	// second, for which a core is busy for a quarter of the time.
	DefaultCompressionPerSecond = 128 << 20
	// rateBurst is how much may come at once, in time at the allowed rate. It is long,
	// since a peer that was not read from for a while is no flood when it is.
	rateBurst = 10 * time.Second
	// DefaultMaxPending is in bytes of frames for each connection.
	DefaultMaxPending = 1 << 20
	// DefaultUnsentLimit is in bytes: enough that the network never waits for the next turn.
	DefaultUnsentLimit = 16 << 10
	// DefaultQueueMessages and DefaultQueueBytes bound what waits for callbacks on
	// goroutines, for each connection.
	DefaultQueueMessages = 64
	DefaultQueueBytes    = 64 << 10
	// DefaultIdleTimeout is how long a peer may be silent; a ping goes out at half
	// of it, at the latest.
	DefaultIdleTimeout = 120 * time.Second
	// DefaultPingInterval is how long a peer may be sent nothing. nginx, and many load
	// balancers, cut a connection on which nothing has come from the server for 60 s.
	DefaultPingInterval = 45 * time.Second
	// DefaultWriteTimeout is how long a socket may take nothing of what is pending: as
	// long as a phone may be in a tunnel.
	DefaultWriteTimeout = 30 * time.Second
	// DefaultCloseTimeout bounds the closing handshake.
	DefaultCloseTimeout = 5 * time.Second
	// DefaultThreshold is in bytes, and where compressing begins to pay: a shorter message
	// fits in one packet anyway.
	DefaultThreshold = 256

	// controlReserve is room for control frames beyond MaxPending, in bytes: data
	// that a peer does not read must not make it look dead (RFC 6455 5.5.2).
	controlReserve = 1 << 10
	// directWrite is the payload size, in bytes, from which a send goes to the
	// socket at once and uncopied: it would take more than a chunk of the queue,
	// which is memory for as long as the socket is slow. Below it a copy costs less
	// than a system call of its own: with four messages a turn over loopback
	// (BenchmarkSendDirect), direct took 1.7 times as long as copied at 16 KiB, 1.3
	// at 64 KiB, 1.1 at 128 KiB; with one message a turn 0.98, 1.2 and 1.25.
	directWrite = sendq.ChunkSize
	// readBudget bounds, in bytes, what one connection reads before its neighbours
	// have their turn: one full read. With four times as much, a peer that pipelines
	// short messages held its loop for over a millisecond (BenchmarkFairness in
	// server).
	// A message that is longer than a read is read to its end, up to longReads of them.
	readBudget = ReadSize
	// workBudget is the same for what compression takes, in bytes that are inflated: a
	// fifth of a millisecond. A message beyond it is gone on with when others have had
	// their turn.
	workBudget = 128 << 10
)

// Config is what connections of one server share. The zero value is safe on the
// internet. It must not change once connections use it. [Conn.SetLimits] sets limits for
// one of them.
type Config struct {
	// Handlers are the callbacks of connections that set none of their own.
	Handlers Handlers
	// AutoAnswer is that of connections that set none of their own.
	AutoAnswer AutoAnswer
	// Dispatch says where callbacks run.
	Dispatch Dispatch
	// Role is this side's role. It decides whether frames are masked (RFC 6455 5.3).
	Role frame.Role
	// MaxMessageSize bounds a message that arrives, in bytes over all its
	// fragments; beyond it the connection closes with 1009.
	MaxMessageSize int64
	// MaxFragments bounds the fragments of a message; beyond it 1008.
	MaxFragments int
	// MessagesPerSecond and ControlFramesPerSecond bound what arrives, pings and pongs
	// being the control frames; beyond them, once ten seconds' worth has come at once,
	// the connection closes with 1008. Negative: no limit. Control frames
	// are counted to a quarter of a millisecond each, so that more than 4,000 counts as
	// 4,000; a program that sends pings must allow their pongs.
	MessagesPerSecond      int
	ControlFramesPerSecond int
	// CompressionPerSecond bounds what compression takes for one connection, in bytes
	// that its messages inflate to: once a fifth of a second's worth has come at once, its
	// peer is not read from until half of that is paid off. A block of DEFLATE that has its
	// own codes counts as 2 KiB more. What a callback on the loop sends to the peer compressed
	// counts too: a byte twice at levels up to 4, 4 times up to 7, 16 times at 8 and 64 times
	// at 9, and 2 KiB for each message.
	// Negative: no limit.
	CompressionPerSecond int
	// MaxPending bounds the bytes of frames that wait for the socket. What becomes of
	// a message that would pass it is Overflow's to say; one larger than all of it
	// fails with ErrMessageTooLarge. Above three eighths of it the peer is not read from until a
	// quarter is left. Messages that wait for an open Writer's to end take half of it at most.
	// Control frames have 1 KiB beyond it, the Close frame its own place.
	MaxPending int
	// Overflow is the policy of connections that set none of their own with
	// [Conn.SetOverflow]. Zero: OverflowClose.
	Overflow Overflow
	// UnsentLimit bounds, in bytes, what a [transport.Limiter] may hold that it has not sent yet, on
	// connections whose policy drops messages. Negative: no bound.
	UnsentLimit int
	// QueueMessages and QueueBytes bound what waits for callbacks on goroutines.
	// The message that reaches either bound is still taken; then the socket is not
	// read until half is left.
	QueueMessages int
	QueueBytes    int
	// IdleTimeout ends connections whose peer is silent for it; half-way a ping is
	// sent. A peer that this side does not read from is not silent, nor is one that
	// takes bytes. Negative: never.
	IdleTimeout time.Duration
	// PingInterval is how long a peer may be sent nothing: then it is sent a ping, whether
	// it is silent or not. What waits for its socket does instead. 0: 45 s, unless
	// IdleTimeout is negative: then no pings are sent. Negative: none but half-way of
	// IdleTimeout.
	PingInterval time.Duration
	// WriteTimeout cuts connections whose socket takes not a single byte for it while
	// some are pending. Once a connection is closing, CloseTimeout bounds it in place of
	// this. Negative: never.
	WriteTimeout time.Duration
	// CloseTimeout bounds the closing handshake: the wait for the peer's Close and,
	// if that came first, for the callbacks that are still to answer what came
	// before it.
	CloseTimeout time.Duration
	// MaxLifetime is how long a connection may live. It is for the owner of the loop to
	// keep. 0, or negative: no limit.
	MaxLifetime time.Duration
	// Deflate says how messages are compressed where that was agreed on.
	Deflate Deflate
	// Logger gets one line for each connection that fails, without a bound. A server gives it a
	// handler that bounds them. Nil: slog.Default().
	Logger *slog.Logger
	// Request makes the request from the head of the opening handshake, for
	// [Conn.Request]. Nil: there is none.
	Request func(head []byte, remote netip.AddrPort) *http.Request
}

// Validate refuses callbacks of which one would never run, and choices that do not exist. Limits are for
// Limits.Validate.
func (cfg *Config) Validate() error {
	switch {
	case cfg.Handlers.Message != nil && cfg.Handlers.Stream != nil:
		return errors.New("framerail: OnMessage and OnStream are both set, and a message is for one of them")
	case cfg.AutoAnswer.Request == "" && cfg.AutoAnswer.Answer != "":
		return errors.New("framerail: AutoAnswer has an answer, but no request that it is for")
	case cfg.Dispatch > Adaptive:
		return fmt.Errorf("framerail: there is no Dispatch %d", cfg.Dispatch)
	case cfg.Overflow > OverflowLatest:
		return fmt.Errorf("framerail: there is no Overflow policy %d", cfg.Overflow)
	}
	return cfg.AutoAnswer.validate()
}

// WithDefaults is the config with every zero replaced by its default.
func (cfg Config) WithDefaults() Config {
	orDefault(&cfg.MaxMessageSize, DefaultMaxMessageSize)
	orDefault(&cfg.MaxFragments, DefaultMaxFragments)
	orDefault(&cfg.MessagesPerSecond, DefaultMessagesPerSecond)
	orDefault(&cfg.ControlFramesPerSecond, DefaultControlFramesPerSecond)
	orDefault(&cfg.CompressionPerSecond, DefaultCompressionPerSecond)
	orDefault(&cfg.MaxPending, DefaultMaxPending)
	orDefault(&cfg.UnsentLimit, DefaultUnsentLimit)
	orDefault(&cfg.QueueMessages, DefaultQueueMessages)
	orDefault(&cfg.QueueBytes, DefaultQueueBytes)
	orDefault(&cfg.IdleTimeout, DefaultIdleTimeout)
	if cfg.IdleTimeout > 0 {
		orDefault(&cfg.PingInterval, DefaultPingInterval)
	}
	orDefault(&cfg.WriteTimeout, DefaultWriteTimeout)
	orDefault(&cfg.CloseTimeout, DefaultCloseTimeout)
	orDefault(&cfg.Deflate.Threshold, DefaultThreshold)
	if cfg.Logger == nil {
		cfg.Logger = slog.Default()
	}
	return cfg
}

func orDefault[T comparable](v *T, def T) {
	var zero T
	if *v == zero {
		*v = def
	}
}
