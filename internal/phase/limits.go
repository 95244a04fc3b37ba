package phase

import (
	"time"

	"github.com/framerail/framerail/internal/handshake"
)

const (
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
	// DrainGrace is how long a client that was accepted has for its request once
	// the server drains: some round trips to a phone. Beyond it, it gets 503.
	DrainGrace = 2 * time.Second
	// readSize is a loop's buffer for handshakes in bytes: the longest head by
	// default, and the first frames behind it. A longer head comes in pieces.
	readSize = 2 * handshake.MaxHeadBytes
	// retryMemory is when clients that were refused for memory may come back, in seconds.
	retryMemory = 5
)
