// Package load plays many clients from one thread: raw sockets, one epoll descriptor,
// frames made in advance and every message verified. It is the same for all servers and does
// less for each message than any of them, so that the server is what a measurement sees. It
// needs Linux 5.11.
//
// "framerail load" is another generator, with framerail's own client, for any server. A
// comparison does without that client: nothing of a library that takes part plays the clients.
package load

import (
	"errors"
	"fmt"
	"net/netip"
	"time"

	"github.com/framerail/framerail/bench/internal/wire"
)

// stall is how long nothing at all may happen before a run is given up.
const stall = time.Minute

// Kind is what clients do.
type Kind string

const (
	// Echo: each connection keeps messages under way, and sends the next once an echo is there.
	Echo Kind = "echo"
	// Paced: messages are sent at times that do not depend on the echoes, on all connections
	// in turn. The time of each echo counts from when its message was to be sent.
	Paced Kind = "paced"
	// Broadcast: one connection sends a message, which all must get, and then the next.
	Broadcast Kind = "broadcast"
	// Handshake: each connection is opened, upgraded and closed by Close frames, and then
	// the next in its place.
	Handshake Kind = "handshake"
)

// Text is what payloads are made of.
type Text string

const (
	ASCII    Text = ""
	Cyrillic Text = "cyrillic"
)

// Options says what the clients are to be and to do.
type Options struct {
	Addr  string // host:port, with an IPv4 address
	Kind  Kind
	Conns int // how many connections
	// Size is how many bytes of payload each message has, and Text what they are. With an
	// offer they are JSON.
	Size int
	Text Text
	// Offer is what is offered of extensions: "" or one of permessage-deflate, which
	// the server must accept. Then messages are compressed, each by itself.
	Offer string
	// Secure has the connections speak TLS.
	Secure bool

	// Flight is how many messages are under way on each connection, if Kind is Echo. Zero: one.
	Flight int
	// Rate is how many messages are sent in a second on all connections together, if Kind is
	// Paced, at random intervals. One in every Every of them has Large bytes; zero: none. Others
	// leaves the latency of these out.
	Rate   int
	Large  int
	Every  int
	Others bool
}

// Slice is what happened in one stretch of time.
type Slice struct {
	Messages int // echoes, deliveries or handshakes
	Elapsed  time.Duration
	Received int64 // bytes of messages, frames and all
	// Latency is what each echo took, in microseconds, if Kind is Paced; Late counts
	// messages that were sent over a millisecond later than they were to be.
	Latency []int32
	Late    int
}

// Driver makes load. It is for one goroutine at a time.
type Driver interface {
	// Run makes load for d, and then waits for what is still due.
	Run(d time.Duration) (Slice, error)
	Close() error
}

// Start opens the connections that the load needs. The caller must Close the driver.
func Start(o Options) (Driver, error) {
	addr, err := netip.ParseAddrPort(o.Addr)
	if err != nil {
		return nil, err
	}
	o.Flight = max(o.Flight, 1)
	if o.Kind == Handshake {
		return newHandshakes(addr, o)
	}
	if o.Flight > 1 && o.Offer != "" {
		return nil, errors.New("messages that are compressed go one by one")
	}
	c, err := dialAll(addr, o)
	if err != nil {
		return nil, err
	}
	switch o.Kind {
	case Echo:
		return &closed{Clients: c, flight: o.Flight}, nil
	case Broadcast:
		return newBroadcast(c)
	case Paced:
		return newPaced(c, o), nil
	}
	return nil, errors.Join(fmt.Errorf("there is no load %q", o.Kind), c.Close())
}

// Dial opens connections of which each is to echo. The caller must Close them.
func Dial(o Options) (*Clients, error) {
	addr, err := netip.ParseAddrPort(o.Addr)
	if err != nil {
		return nil, err
	}
	return dialAll(addr, o)
}

// Once has every client send one message and waits for all echoes.
func (l *Clients) Once() error {
	_, err := (&closed{Clients: l, flight: 1}).pingPong(func() bool { return false })
	return err
}

// opcode is that of all messages. Text is what servers may check.
const opcode = wire.Text
