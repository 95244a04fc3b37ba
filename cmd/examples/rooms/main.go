// Command rooms is rooms whose pages miss nothing: a page that was cut off comes back with the
// position of the last message that it has seen. It says again what it has not heard, with the same ID.
package main

import (
	"context"
	"embed"
	"encoding/json"
	"flag"
	"fmt"
	"log"
	"net/http"
	"net/url"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/framerail/framerail/conn"
	"github.com/framerail/framerail/server"
	"github.com/framerail/framerail/topics"
)

//go:embed index.html
var page embed.FS

// event is what a page is sent. At is behind the message, or where the page begins.
type event struct {
	At      topics.Position `json:"at,omitzero"`
	ID      string          `json:"id,omitempty"` // made by the page that says the text, and sent with it
	Name    string          `json:"name,omitempty"`
	Text    string          `json:"text"`
	Gap     bool            `json:"gap,omitempty"`    // something is missing
	Members []string        `json:"members,omitzero"` // who is here
}

func (e event) message() conn.Message {
	b, _ := json.Marshal(e) // UTF-8, whatever the client sent
	return conn.Message{Type: conn.Text, Payload: b}
}

// A room is a topic, and who is in it is another.
const members = ".members"

// history keeps the last messages of a room for an hour, and the last list of who is there. Here anybody may name a room, and
// each name may take as many bytes: a real program knows its rooms, and checks the name in Server.Check.
func history(topic string) topics.History {
	if strings.HasSuffix(topic, members) {
		return topics.History{Last: true, Age: time.Hour}
	}
	return topics.History{Messages: 100, Bytes: 256 << 10, Age: time.Hour}
}

// stamp puts the position of a room's message into it.
func stamp(topic string, at topics.Position, m conn.Message) conn.Message {
	if !strings.HasSuffix(topic, members) {
		m.Payload = fmt.Appendf(nil, `{"at":"%v",%s`, at, m.Payload[1:])
	}
	return m
}

func main() {
	addr := flag.String("addr", "127.0.0.1:8080", "where to listen")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)

	rooms := &topics.Topics{History: history, Stamp: stamp}
	rooms.OnChange = func(change topics.Change) {
		if strings.HasSuffix(change.Topic, members) {
			return
		}
		names := []string{} // and not nil: the list may be empty
		for _, name := range rooms.Presence(change.Topic) {
			names = append(names, name.(string))
		}
		slices.Sort(names)
		_, _ = rooms.Publish(change.Topic+members, event{Members: names}.message())
	}
	srv := &server.Server{Addr: *addr, Path: "/rooms", Handler: http.FileServerFS(page)}
	srv.AutoAnswer = conn.AutoAnswer{Request: `{"ping":1}`, Answer: `{"pong":1}`} // of pages that have heard nothing for a while
	srv.OnConnection = func(c *conn.Conn) { enter(rooms, c) }
	if err := srv.Start(); err != nil {
		log.Fatal(err)
	}
	fmt.Printf("http://%v/\n", srv.ListenAddr())

	<-ctx.Done()
	stop()
	ctx, stop = context.WithTimeout(context.Background(), 10*time.Second)
	defer stop()
	if _, err := srv.Shutdown(ctx); err != nil {
		log.Print(err)
	}
}

// enter has a page enter its room, where it left off if it says where.
func enter(rooms *topics.Topics, c *conn.Conn) {
	r, _ := c.Request()
	query := r.URL.Query()
	room := "rooms." + url.QueryEscape(query.Get("room"))
	if strings.Count(room, ".") > 1 || strings.HasSuffix(room, members) || topics.CheckName(room) != nil { // a list of members is no room
		_ = c.Close(4404, "no such room")
		return
	}
	var since topics.Position // zero: a new page
	_ = since.UnmarshalText([]byte(query.Get("since")))
	name := strings.ToValidUTF8(query.Get("name"), "?")
	join(rooms, c, room, name, since, event{})
	_, _ = rooms.Subscribe(c, room+members)
	c.OnMessage(func(_ *conn.Conn, m conn.Message) {
		var said event
		if err := json.Unmarshal(m.Payload, &said); err != nil {
			_ = c.Close(4400, "want an object with an id and a text")
			return
		}
		_, _ = rooms.Publish(room, event{ID: said.ID, Name: name, Text: said.Text}.message())
	})
}

// join has a page go on behind a position, or begin with what is published from now on.
func join(rooms *topics.Topics, c *conn.Conn, room, name string, since topics.Position, hello event) {
	isNew := since == topics.Position{}
	err := rooms.SubscribeSince(c, room, since, func(at topics.Position, err error) {
		if err != nil && !isNew { // something is missing
			join(rooms, c, room, name, topics.Position{}, event{Gap: true})
			return
		}
		if err != nil {
			_ = c.Close(4500, err.Error())
			return
		}
		if isNew {
			hello.At = at
			_ = c.SendMessage(hello.message()) // before all others
		}
		_ = rooms.SetPresence(c, room, name)
	})
	if err != nil {
		_ = c.Close(4500, err.Error())
	}
}
