package redis

import (
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/framerail/framerail/client"
	"github.com/framerail/framerail/conn"
	"github.com/framerail/framerail/server"
	"github.com/framerail/framerail/topics"
)

// A client that comes back to another process, which had no members, gets what it missed, and then what
// comes. Each message has its position.
func TestComeback_ToAnotherProcess(t *testing.T) {
	r := startServer(t)
	a, b := newHost(t, r), newHost(t, r)
	leave := a.join(topics.Position{})
	a.say("1")
	seen := a.next("1")
	leave()
	a.say("2")
	a.say("3")
	b.join(seen)
	b.next("2")
	b.next("3")
	a.say("4")
	b.say("5")
	b.next("4", "5")
	b.next("4", "5")
}

// host is a process with clients of one room.
type host struct {
	*topics.Topics
	t       *testing.T
	srv     *server.Server
	clients *client.Client
	since   atomic.Pointer[topics.Position]
	joined  chan error
	read    chan string
}

func newHost(t *testing.T, r *redisServer) *host {
	quiet := slog.New(slog.DiscardHandler)
	h := &host{t: t, joined: make(chan error, 1), read: make(chan string, 10)}
	h.Topics = &topics.Topics{Broker: r.broker(), Logger: quiet}
	h.History = func(string) topics.History { return topics.History{Messages: 10} }
	h.Stamp = func(_ string, at topics.Position, m conn.Message) conn.Message {
		m.Payload = fmt.Append(nil, at, " ", m)
		return m
	}
	h.srv = &server.Server{Addr: "127.0.0.1:0", Loops: 1, Logger: quiet, OnConnection: func(c *conn.Conn) {
		if err := h.SubscribeSince(c, "room", *h.since.Load(), func(_ topics.Position, err error) { h.joined <- err }); err != nil {
			h.joined <- err
		}
	}}
	if err := h.srv.Start(); err != nil {
		t.Fatal(err)
	}
	h.clients = &client.Client{Logger: quiet, OnMessage: func(_ *conn.Conn, m conn.Message) { h.read <- m.String() }}
	t.Cleanup(func() {
		h.clients.Close()
		h.Close()
		h.srv.Close()
	})
	return h
}

// join has a client join, and returns what has it leave.
func (h *host) join(since topics.Position) (leave func()) {
	h.t.Helper()
	h.since.Store(&since)
	c, err := h.clients.Dial(h.t.Context(), "ws://"+h.srv.ListenAddr().String())
	if err != nil {
		h.t.Fatal(err)
	}
	if err := <-h.joined; err != nil {
		h.t.Fatal(err)
	}
	return func() {
		c.Abort()
		wait(h.t, "the client has left", func() bool { return h.Count("room") == 0 })
	}
}

func (h *host) say(text string) {
	h.t.Helper()
	if _, err := h.Publish("room", conn.Message{Type: conn.Text, Payload: []byte(text)}); err != nil {
		h.t.Error(err)
	}
}

// next reads a message, which is one of these, and returns its position.
func (h *host) next(want ...string) (at topics.Position) {
	h.t.Helper()
	position, text, _ := strings.Cut(<-h.read, " ")
	if !slices.Contains(want, text) || at.UnmarshalText([]byte(position)) != nil {
		h.t.Errorf("read %q at %q, want one of %q", text, position, want)
	}
	return at
}
