// Package load plays many clients from one thread: raw sockets, one epoll
// descriptor, frames made in advance and every echo verified. It is the same
// for all servers and does less for each message than any of them, so that the
// server is what a measurement sees.
package load

import (
	"errors"
	"fmt"
	"net/netip"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/framerail/framerail/bench/internal/wire"
)

// stall is how long nothing at all may happen before a run is given up.
const stall = 10 * time.Second

// variants is how many different messages each client cycles through, so that
// an echo of an earlier message is not taken for that of the present one; sets
// is how many such cycles there are, so that neighbours differ too. Together
// they are fewer than wire.Payload can tell apart by the first byte.
const (
	variants = 4
	sets     = 16
)

// Clients is a number of open connections to one server. Not safe for use by
// two goroutines.
type Clients struct {
	Received int64 // bytes from the server, frames and all

	epoll   int
	clients []client
	read    []byte
	events  []unix.EpollEvent
}

type client struct {
	fd       int
	over     *secure // nil: plain
	messages *[variants]message
	turn     int
	unsent   []byte // the part of the present frame that the socket did not take
	echo     wire.Echo
	inflated *wire.DeflatedEcho // in place of echo, if compression was agreed on
}

type message struct {
	payload []byte
	frame   []byte // the same, framed and masked
}

// Options says what the clients are to be.
type Options struct {
	Addr   string // host:port, with an IPv4 address
	Conns  int    // how many connections
	Opcode byte   // wire.Text or wire.Binary
	Size   int    // bytes of payload in each message
	// Offer is what is offered of extensions: "" or one of permessage-deflate, which
	// the server must accept. Then messages are compressed, each by itself.
	Offer string
	// Secure has the connections speak TLS.
	Secure bool
}

// Dial opens the connections, one after the other, and shakes hands on each.
// The caller must Close the result.
func Dial(o Options) (*Clients, error) {
	addr, err := netip.ParseAddrPort(o.Addr)
	if err != nil {
		return nil, err
	}
	epoll, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		return nil, fmt.Errorf("epoll_create1: %w", err)
	}
	l := &Clients{
		epoll:  epoll,
		read:   make([]byte, 256<<10),
		events: make([]unix.EpollEvent, 256),
	}
	var messages [][variants]message
	var inflater wire.Inflater
	for i := range o.Conns {
		fd, over, agreed, err := dial(addr, o)
		if err == nil && i == 0 {
			messages, err = newMessages(o, agreed)
		}
		if err != nil {
			l.Close()
			return nil, fmt.Errorf("connection %d: %w", i, err)
		}
		c := client{fd: fd, over: over, messages: &messages[i%len(messages)]}
		if o.Offer != "" {
			c.inflated = &wire.DeflatedEcho{Inflater: &inflater, Takeover: agreed.ServerTakeover}
		}
		l.clients = append(l.clients, c)
		if err := l.interest(unix.EPOLL_CTL_ADD, i, unix.EPOLLIN); err != nil {
			l.Close()
			return nil, err
		}
	}
	return l, nil
}

func newMessages(o Options, agreed wire.Agreement) ([][variants]message, error) {
	messages := make([][variants]message, min(sets, o.Conns))
	for i := range messages {
		for j := range messages[i] {
			seed := i*variants + j
			payload := wire.Payload(o.Size, seed)
			maskingKey := [4]byte{byte(seed), 0x17, 0x5a, 0xc3}
			if o.Offer == "" {
				messages[i][j] = message{payload, wire.AppendFrame(nil, true, o.Opcode, maskingKey, payload)}
				continue
			}
			payload = wire.Prose(o.Size, seed)
			compressed, err := wire.Deflate(payload, agreed.ClientBits)
			if err != nil {
				return nil, err
			}
			messages[i][j] = message{payload, wire.AppendDeflated(nil, o.Opcode, maskingKey, compressed)}
		}
	}
	return messages, nil
}

// Close closes all connections with a reset.
func (l *Clients) Close() error {
	var errs []error
	for _, c := range l.clients {
		errs = append(errs, unix.Close(c.fd))
	}
	l.clients = nil
	return errors.Join(append(errs, unix.Close(l.epoll))...)
}

// Once has every client send one message and waits for all echoes.
func (l *Clients) Once() error {
	_, err := l.pingPong(func() bool { return false })
	return err
}

// PingPong has every client send a message, and the next as soon as its echo
// is there, until d has passed; then it waits for the echoes still due. It
// returns the number of messages echoed.
func (l *Clients) PingPong(d time.Duration) (messages int, err error) {
	end := time.Now().Add(d)
	return l.pingPong(func() bool { return time.Now().Before(end) })
}

func (l *Clients) pingPong(more func() bool) (messages int, err error) {
	for i := range l.clients {
		if err := l.send(i); err != nil {
			return 0, err
		}
	}
	for due := len(l.clients); due > 0; {
		n, err := unix.EpollWait(l.epoll, l.events, int(stall.Milliseconds()))
		if err == unix.EINTR {
			continue
		}
		if err != nil {
			return messages, fmt.Errorf("epoll_wait: %w", err)
		}
		if n == 0 {
			return messages, fmt.Errorf("nothing came for %v, %d echoes are due", stall, due)
		}
		again := more()
		for _, event := range l.events[:n] {
			i := int(event.Fd)
			done, err := l.ready(i, event.Events)
			if err != nil {
				return messages, fmt.Errorf("connection %d: %w", i, err)
			}
			if !done {
				continue
			}
			messages++
			if !again {
				due--
				continue
			}
			if err := l.send(i); err != nil {
				return messages, fmt.Errorf("connection %d: %w", i, err)
			}
		}
	}
	return messages, nil
}

// ready serves one client that has bytes to read or room to write; done tells
// that its echo is complete.
func (l *Clients) ready(i int, events uint32) (done bool, err error) {
	c := &l.clients[i]
	if events&unix.EPOLLOUT != 0 {
		if err := l.flush(i); err != nil {
			return false, err
		}
	}
	if events&^unix.EPOLLOUT == 0 {
		return false, nil
	}
	if c.over != nil {
		n, done, err := c.over.feed(l.read, c.echo.Feed)
		l.Received += n
		return done, err
	}
	n, errno := rawRead(c.fd, l.read)
	switch {
	case errno == unix.EAGAIN || errno == unix.EINTR:
		return false, nil
	case errno != 0:
		return false, fmt.Errorf("read: %w", errno)
	case n == 0:
		return false, errors.New("the server closed the connection")
	}
	l.Received += int64(n)
	if c.inflated != nil {
		return c.inflated.Feed(l.read[:n])
	}
	return c.echo.Feed(l.read[:n])
}

// send starts the next message of client i.
func (l *Clients) send(i int) error {
	c := &l.clients[i]
	m := &c.messages[c.turn]
	if opcode := m.frame[0] & 0x0f; c.inflated != nil {
		c.inflated.Expect(opcode, m.payload)
	} else {
		c.echo.Expect(opcode, m.payload)
	}
	c.turn = (c.turn + 1) % variants
	if c.over != nil {
		_, err := c.over.Write(m.frame)
		return err
	}
	n, errno := rawWrite(c.fd, m.frame)
	if errno != 0 && errno != unix.EAGAIN {
		return fmt.Errorf("write: %w", errno)
	}
	c.unsent = m.frame[n:]
	if len(c.unsent) > 0 {
		return l.interest(unix.EPOLL_CTL_MOD, i, unix.EPOLLIN|unix.EPOLLOUT)
	}
	return nil
}

// flush writes what is left of a message; the socket has room again.
func (l *Clients) flush(i int) error {
	c := &l.clients[i]
	n, errno := rawWrite(c.fd, c.unsent)
	if errno != 0 && errno != unix.EAGAIN {
		return fmt.Errorf("write: %w", errno)
	}
	c.unsent = c.unsent[n:]
	if len(c.unsent) == 0 {
		return l.interest(unix.EPOLL_CTL_MOD, i, unix.EPOLLIN)
	}
	return nil
}

func (l *Clients) interest(op, i int, events uint32) error {
	event := unix.EpollEvent{Events: events, Fd: int32(i)}
	if err := unix.EpollCtl(l.epoll, op, l.clients[i].fd, &event); err != nil {
		return fmt.Errorf("epoll_ctl: %w", err)
	}
	return nil
}

// rawRead and rawWrite do not tell the scheduler of the system call: the
// sockets never block, and the clients have a thread of their own.
func rawRead(fd int, p []byte) (int, syscall.Errno) { return raw(unix.SYS_READ, fd, p) }

func rawWrite(fd int, p []byte) (int, syscall.Errno) { return raw(unix.SYS_WRITE, fd, p) }
