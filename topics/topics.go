package topics

import (
	"log/slog"
	"sync"
	"time"

	"github.com/framerail/framerail/conn"
	"github.com/framerail/framerail/internal/session"
)

// Defaults of the limits of [Topics].
const (
	DefaultMaxTopics  = 1000
	DefaultMaxNameLen = 256 // bytes
	DefaultMaxMembers = 1_000_000
	DefaultMaxBacklog = 16 << 20 // bytes
	DefaultMaxOutbox  = 16 << 20 // bytes
)

// Topics are topics, and the connections that are subscribed to them: of any number of servers
// and clients. The zero value is ready to use. Set the fields before the first call. All methods
// may be called from any goroutine, callbacks included, and none of them but Close blocks.
type Topics struct {
	// MaxTopics is how many topics one connection may subscribe to, and how many of its calls of SubscribeSince may be without an
	// answer. 0: 1,000. Negative: any number.
	MaxTopics int
	// MaxNameLen bounds a name, in bytes. 0: 256.
	MaxNameLen int
	// MaxMembers is how many members one topic may have, and how many calls of SubscribeSince may wait for it. 0: a million.
	// Negative: any number.
	MaxMembers int

	// MaxBacklog bounds what waits for one event loop to send it to its members, in bytes, about. A message counts as for
	// History.Bytes, without its compressed forms.
	// Beyond it Publish fails with ErrBusy, and messages of other nodes are dropped until half of it is free. Members are told of
	// those by one OnGap. As many bytes again may be held for topics that wait for an answer of a Recorder, and as many by calls
	// of SubscribeSince that wait for the loop, which fail with ErrBusy then. 0: 16 MiB.
	MaxBacklog int

	// History says what a topic keeps. It is called with each name without wildcards that has no
	// members yet, and may be called again. It must not call the Topics. nil: no topic keeps
	// anything.
	History func(topic string) History

	// Stamp puts the position of a message into the message, such as into its JSON. It is called for messages of
	// topics that keep something, by each node with its own position or, with a Recorder, with the one of all nodes. It gets the
	// message as it was published, and returns what members are sent. Its payload is read before the
	// next call. Stamp must be quick and must not call the Topics, because the topic waits. It may be called for several topics at once. nil: messages are sent as they are.
	Stamp func(topic string, at Position, m conn.Message) conn.Message

	// Broker connects the topics with those of other processes. The first call of a method begins, and Close ends it. nil: this
	// process is alone.
	Broker Broker
	// MaxOutbox bounds what waits for the Broker, in bytes. Beyond it messages for other nodes are lost and counted, and
	// Publish fails with ErrBusy where the members here would wait for them too. A Recorder may have as many bytes
	// again that it has not sent back. While those are full Publish to its topics fails with ErrBusy, and what does not come
	// back within ten seconds is a gap. 0: 16 MiB.
	MaxOutbox int

	// The callbacks, except OnGap, run one after another on a goroutine. One that panics is logged and counted, and
	// the next one runs.

	// OnInterest reports that a topic, or a pattern, has its first member, or has lost its last.
	// It is not called for what was undone before. A Broker does not need it.
	OnInterest func(topic string, interested bool)
	// OnChange reports who joined and left a topic, together for all that happened since the
	// last call. A Change that has only its Topic reports that the Census of other nodes has changed.
	OnChange func(Change)
	// OnLost reports that a member was not sent what was published, because its client does
	// not read. See [Lost].
	OnLost func(Lost)

	// OnGap reports that a member of a topic, or of a pattern, was not sent all that other nodes have published, and that it
	// cannot be had any more. It goes on at that position; zero for a pattern. Gaps that follow each other may be reported as
	// one. OnGap is called on the connection's event loop, so that it must not block, before anything newer is sent: what it
	// sends comes between. If the connection's callbacks run elsewhere, by its Dispatch, it may run beside them.
	OnGap func(c *conn.Conn, topic string, at Position)

	// Logger gets one line for each callback that panics, with its stack, at level Error. Of many it
	// gets ten lines at once, and then one a second. nil: slog.Default().
	Logger *slog.Logger
	// Now is the time, for History.Age and for what is known of other nodes' members. It is called on any goroutine, and while topics
	// wait: it must be quick and must not call the Topics. nil: time.Now.
	Now func() time.Time

	mu       sync.RWMutex
	names    map[string]*topic
	patterns patterns
	wild     int // topics in patterns
	shards   map[*session.Loop]*shard

	aging   aging
	events  events
	counts  counts
	linking linking
}

// limit is a limit of the program's, or its default.
func limit(set, standard int) int {
	switch {
	case set == 0:
		return standard
	case set < 0:
		return int(^uint(0) >> 1)
	}
	return set
}

func (h *Topics) now() time.Time {
	if h.Now != nil {
		return h.Now()
	}
	return time.Now()
}

// connOf is the connection as programs have it.
func connOf(c *session.Conn) *conn.Conn { return (*conn.Conn)(c) }
