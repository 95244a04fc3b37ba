package load

import (
	"errors"
	"fmt"
	"time"

	"github.com/framerail/framerail/bench/internal/wire"
)

// closed keeps messages under way on each connection.
type closed struct {
	*Clients
	flight int
}

func (l *closed) Run(d time.Duration) (s Slice, err error) {
	start, received := time.Now(), l.received
	s.Messages, err = l.pingPong(func() bool { return time.Since(start) < d })
	s.Elapsed, s.Received = time.Since(start), l.received-received
	return s, err
}

// pingPong has each client send its messages, and another for each echo as long as more says
// so. It returns the number of echoes once all are there.
func (l *closed) pingPong(more func() bool) (messages int, err error) {
	for i := range l.clients {
		if err := l.send(i, l.flight); err != nil {
			return 0, fmt.Errorf("connection %d: %w", i, err)
		}
	}
	got := 0
	count := func(int64) { got++ }
	for due := len(l.clients) * l.flight; due > 0; {
		events, err := l.epoll.wait()
		if err != nil {
			return messages, fmt.Errorf("%d echoes are due: %w", due, err)
		}
		again := more()
		for _, event := range events {
			i := int(event.Fd)
			got = 0
			err := l.ready(i, event.Events, count)
			messages += got
			if !again {
				due -= got
			} else if got > 0 && err == nil {
				err = l.send(i, got)
			}
			if err != nil {
				return messages, fmt.Errorf("connection %d: %w", i, err)
			}
		}
	}
	return messages, nil
}

// broadcast has one connection send what all are to get.
type broadcast struct{ *Clients }

// newBroadcast waits until the server knows all connections: it answers a ping of each.
func newBroadcast(c *Clients) (*broadcast, error) {
	l := &broadcast{c}
	payload := []byte("ping")
	ping := &message{wire.Pong, payload, wire.AppendFrame(nil, true, wire.Ping, [4]byte{1, 2, 3, 4}, payload)}
	for i := range l.clients {
		l.clients[i].await(ping, 0)
		if err := l.write(i, ping.frame, false); err != nil {
			return nil, errors.Join(err, c.Close())
		}
	}
	if err := l.all(); err != nil {
		return nil, errors.Join(err, c.Close())
	}
	return l, nil
}

func (l *broadcast) Run(d time.Duration) (s Slice, err error) {
	start, received := time.Now(), l.received
	for time.Since(start) < d {
		if err := l.once(); err != nil {
			return s, err
		}
		s.Messages += len(l.clients)
	}
	s.Elapsed, s.Received = time.Since(start), l.received-received
	return s, nil
}

func (l *broadcast) once() error {
	m := l.clients[0].next()
	for i := range l.clients {
		l.clients[i].await(m, 0)
	}
	if err := l.write(0, m.frame, false); err != nil {
		return err
	}
	return l.all()
}

// all waits for what is due on each connection.
func (l *broadcast) all() error {
	due := len(l.clients)
	count := func(int64) { due-- }
	for due > 0 {
		events, err := l.epoll.wait()
		if err != nil {
			return fmt.Errorf("%d deliveries are due: %w", due, err)
		}
		for _, event := range events {
			if err := l.ready(int(event.Fd), event.Events, count); err != nil {
				return fmt.Errorf("connection %d: %w", event.Fd, err)
			}
		}
	}
	return nil
}
