package load

import (
	"bytes"
	"errors"
	"fmt"
	"net/netip"
	"slices"

	"golang.org/x/sys/unix"

	"github.com/framerail/framerail/bench/internal/wire"
)

// Clients is a number of open connections to one server. Not safe for use by
// two goroutines.
type Clients struct {
	received int64 // bytes from the server, frames and all

	epoll   *poll
	clients []client
	read    []byte
	batch   []byte // of frames that go out at once
}

type client struct {
	fd       int
	over     *secure // nil: plain
	messages *[variants]message
	turn     int
	unsent   []byte // what the socket did not take; must not be written to
	due      queue
	echo     wire.Echo
	inflated *wire.DeflatedEcho // in place of echo, if compression was agreed on
}

func dialAll(addr netip.AddrPort, o Options) (*Clients, error) {
	epoll, err := newPoll()
	if err != nil {
		return nil, err
	}
	l := &Clients{epoll: epoll, read: make([]byte, 256<<10)}
	var messages [][variants]message
	var inflater wire.Inflater
	for i := range o.Conns {
		fd, over, agreed, err := dial(addr, o)
		if err == nil && i == 0 {
			messages, err = newMessages(o, agreed)
		}
		if err != nil {
			return nil, errors.Join(fmt.Errorf("connection %d: %w", i, err), l.Close())
		}
		c := client{fd: fd, over: over, messages: &messages[i%len(messages)]}
		if o.Offer != "" {
			c.inflated = &wire.DeflatedEcho{Inflater: &inflater, Takeover: agreed.ServerTakeover}
		}
		l.clients = append(l.clients, c)
		if err := epoll.set(unix.EPOLL_CTL_ADD, fd, i, unix.EPOLLIN); err != nil {
			return nil, errors.Join(err, l.Close())
		}
	}
	return l, nil
}

// Close closes all connections with a reset.
func (l *Clients) Close() error {
	var errs []error
	for _, c := range l.clients {
		errs = append(errs, unix.Close(c.fd))
	}
	l.clients = nil
	return errors.Join(append(errs, l.epoll.close())...)
}

// ready serves one client that has bytes to read or room to write. It calls done for each
// message that is complete, with the time that it was sent with.
func (l *Clients) ready(i int, events uint32, done func(at int64)) error {
	c := &l.clients[i]
	if events&unix.EPOLLOUT != 0 {
		if err := l.flush(i); err != nil {
			return err
		}
	}
	if events&^unix.EPOLLOUT == 0 {
		return nil
	}
	if c.over != nil {
		n, err := c.over.feed(l.read, func(b []byte) error { return c.take(b, done) })
		l.received += n
		return err
	}
	n, errno := rawRead(c.fd, l.read)
	switch {
	case errno == unix.EAGAIN || errno == unix.EINTR:
		return nil
	case errno != 0:
		return fmt.Errorf("read: %w", errno)
	case n == 0:
		return errors.New("the server closed the connection")
	}
	l.received += int64(n)
	return c.take(l.read[:n], done)
}

// take checks what has come against what is due.
func (c *client) take(b []byte, done func(at int64)) error {
	for len(b) > 0 {
		if c.due.len() == 0 {
			return fmt.Errorf("%d bytes follow the last message", len(b))
		}
		var complete bool
		var err error
		if c.inflated != nil {
			complete, err = c.inflated.Feed(b)
			b = nil
		} else {
			b, complete, err = c.echo.Take(b)
		}
		if err != nil || !complete {
			return err
		}
		at := c.due.pop().at
		if c.due.len() > 0 {
			c.expect(c.due.first().message)
		}
		done(at)
	}
	return nil
}

// await has a message expected that somebody has sent.
func (c *client) await(m *message, at int64) {
	if c.due.push(due{m, at}); c.due.len() == 1 {
		c.expect(m)
	}
}

func (c *client) expect(m *message) {
	if c.inflated != nil {
		c.inflated.Expect(m.answer, m.payload)
	} else {
		c.echo.Expect(m.answer, m.payload)
	}
}

// next is the message whose turn it is.
func (c *client) next() *message {
	m := &c.messages[c.turn]
	c.turn = (c.turn + 1) % variants
	return m
}

// send starts the next n messages of client i, in one piece.
func (l *Clients) send(i, n int) error {
	c := &l.clients[i]
	if n == 1 {
		m := c.next()
		c.await(m, 0)
		return l.write(i, m.frame, false)
	}
	l.batch = l.batch[:0]
	for range n {
		m := c.next()
		c.await(m, 0)
		l.batch = append(l.batch, m.frame...)
	}
	return l.write(i, l.batch, true)
}

// write sends b, or keeps what the socket does not take: a copy, if b is the caller's.
func (l *Clients) write(i int, b []byte, copied bool) error {
	c := &l.clients[i]
	if c.over != nil {
		_, err := c.over.Write(b)
		return err
	}
	if len(c.unsent) > 0 {
		c.unsent = append(slices.Clip(c.unsent), b...)
		return nil
	}
	n, errno := rawWrite(c.fd, b)
	if errno != 0 && errno != unix.EAGAIN {
		return fmt.Errorf("write: %w", errno)
	}
	if n == len(b) {
		return nil
	}
	c.unsent = b[n:]
	if copied {
		c.unsent = bytes.Clone(c.unsent)
	}
	return l.epoll.set(unix.EPOLL_CTL_MOD, c.fd, i, unix.EPOLLIN|unix.EPOLLOUT)
}

// flush writes what is unsent; the socket has room again.
func (l *Clients) flush(i int) error {
	c := &l.clients[i]
	n, errno := rawWrite(c.fd, c.unsent)
	if errno != 0 && errno != unix.EAGAIN {
		return fmt.Errorf("write: %w", errno)
	}
	c.unsent = c.unsent[n:]
	if len(c.unsent) > 0 {
		return nil
	}
	return l.epoll.set(unix.EPOLL_CTL_MOD, c.fd, i, unix.EPOLLIN)
}
