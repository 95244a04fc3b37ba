package topics_test

import (
	"encoding/json"
	"expvar"
	"fmt"
	"strings"

	"github.com/framerail/framerail/conn"
	"github.com/framerail/framerail/server"
	"github.com/framerail/framerail/server/servertest"
	"github.com/framerail/framerail/topics"
)

// Rooms by path, whose clients say who they are. What one says, the others in the room hear.
func ExampleTopics() {
	var rooms topics.Topics
	srv := &server.Server{}
	srv.OnConnection = func(c *conn.Conn) {
		r, _ := c.Request()
		room := strings.ReplaceAll(strings.Trim(r.URL.Path, "/"), "/", ".")
		if _, err := rooms.Subscribe(c, room); err != nil || topics.CheckName(room) != nil {
			_ = c.Close(4404, "no such room")
			return
		}
		_ = rooms.SetPresence(c, room, r.URL.Query().Get("name"))
		c.OnMessage(func(c *conn.Conn, m conn.Message) { _, _ = rooms.PublishExcept(room, c, m) })
	}

	sim := servertest.New(1, srv)
	ann, bob, eve := sim.Dial("/rooms/go?name=ann"), sim.Dial("/rooms/go?name=bob"), sim.Dial("/rooms/*")
	sim.Settle()
	ann.SendText("hello")
	sim.Settle()
	fmt.Println(bob.Next())
	fmt.Println(eve.Closed())
	for _, name := range rooms.Presence("rooms.go") {
		if name == "ann" {
			fmt.Println(name, "is one of", rooms.Count("rooms.go"))
		}
	}
	fmt.Println(sim.Close())
	// Output:
	// hello true
	// {4404 no such room} true
	// ann is one of 2
	// <nil>
}

// The counters on the page of package expvar, /debug/vars.
func ExampleTopics_Stats() {
	var rooms topics.Topics
	expvar.Publish("topics", expvar.Func(func() any { return rooms.Stats() }))
	_, _ = rooms.Publish("news", conn.Message{Type: conn.Text, Payload: []byte("it rains")})

	var page struct {
		Published uint64
		Broker    struct{ Up bool }
	}
	err := json.Unmarshal([]byte(expvar.Get("topics").String()), &page)
	fmt.Printf("%+v %v\n", page, err)
	// Output: {Published:1 Broker:{Up:false}} <nil>
}

// Messages contain their position, and a new client is sent the one where it begins. A client that comes back gives
// the last position that it has seen, and gets what it missed.
func ExampleTopics_SubscribeSince() {
	news := topics.Topics{
		History: func(string) topics.History { return topics.History{Messages: 100} },
		Stamp: func(_ string, at topics.Position, m conn.Message) conn.Message {
			m.Payload = fmt.Appendf(nil, "%v %s", at, m.Payload)
			return m
		},
	}
	publish := func(s string) {
		_, _ = news.Publish("news", conn.Message{Type: conn.Text, Payload: []byte(s)})
	}
	srv := &server.Server{}
	srv.OnConnection = func(c *conn.Conn) {
		r, _ := c.Request()
		var since topics.Position // zero: a new client
		_ = since.UnmarshalText([]byte(r.URL.Query().Get("since")))

		begin := func(at topics.Position, _ error) { _ = c.SendText(at.String() + " you are new") }
		if since == (topics.Position{}) {
			_ = news.SubscribeSince(c, "news", since, begin)
			return
		}
		_ = news.SubscribeSince(c, "news", since, func(_ topics.Position, err error) {
			if err != nil { // the client was away for too long
				_ = news.SubscribeSince(c, "news", topics.Position{}, begin)
			}
		})
	}

	sim := servertest.New(1, srv)
	ann := sim.Dial("/")
	sim.Settle()
	m, _ := ann.Next()
	at, seen, _ := strings.Cut(m.String(), " ")
	fmt.Println(seen)

	ann.Reset() // a tunnel
	publish("it rains")
	publish("it pours")
	publish("it clears up")
	ann = sim.Dial("/?since=" + at)
	sim.Settle()
	for m, ok := ann.Next(); ok; m, ok = ann.Next() {
		_, seen, _ := strings.Cut(m.String(), " ")
		fmt.Println(seen)
	}
	fmt.Println(sim.Close())
	// Output:
	// you are new
	// it rains
	// it pours
	// it clears up
	// <nil>
}
