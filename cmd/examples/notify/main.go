// Command notify sends notifications to a user: to all of the user's devices. What one device has
// seen is gone on the others. A device that was away gets what it missed.
package main

import (
	"context"
	"embed"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/url"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/framerail/framerail/conn"
	"github.com/framerail/framerail/server"
	"github.com/framerail/framerail/topics"
)

//go:embed index.html
var page embed.FS

// event is what a device is sent.
type event struct {
	At   topics.Position `json:"at,omitzero"`   // the device goes on from here
	New  bool            `json:"new,omitempty"` // all that is kept comes next: the device forgets what it has
	Text string          `json:"text"`          // "" beside Seen
	Seen topics.Position `json:"seen,omitzero"` // At of what a user has seen
}

func main() {
	addr := flag.String("addr", "127.0.0.1:8080", "where to listen")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)

	users := &topics.Topics{Stamp: stamp, History: func(string) topics.History {
		return topics.History{Messages: 100, Bytes: 256 << 10, Age: 24 * time.Hour}
	}}
	mux := http.NewServeMux()
	mux.Handle("GET /", http.FileServerFS(page))
	mux.HandleFunc("POST /notify", func(w http.ResponseWriter, r *http.Request) {
		text, err := io.ReadAll(http.MaxBytesReader(w, r.Body, 4<<10))
		user := topicOf(r)
		if err != nil || user == "" {
			http.Error(w, "want ?user=NAME, and a text of at most 4 KiB", http.StatusBadRequest)
			return
		}
		if err := publish(users, user, event{Text: strings.ToValidUTF8(string(text), "?")}); err != nil {
			http.Error(w, err.Error(), http.StatusServiceUnavailable)
		}
	})
	srv := &server.Server{Addr: *addr, Path: "/devices", Handler: mux}
	srv.AutoAnswer = conn.AutoAnswer{Request: `{"ping":1}`, Answer: `{"pong":1}`} // of devices that have heard nothing for a while
	srv.OnConnection = func(c *conn.Conn) { connect(users, c) }
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

// topicOf is the topic of the user in a request, or "". Here anybody may be anybody, and each name may take as many bytes as
// a topic keeps: a real program takes the user from its session's cookie, in Server.Check.
func topicOf(r *http.Request) string {
	user := "users." + url.QueryEscape(r.URL.Query().Get("user"))
	if strings.Count(user, ".") > 1 || topics.CheckName(user) != nil || len(user) > 200 {
		return ""
	}
	return user
}

// connect adds a device to those of its user.
func connect(users *topics.Topics, c *conn.Conn) {
	r, _ := c.Request()
	user := topicOf(r)
	if user == "" {
		_ = c.Close(4404, "no such user")
		return
	}
	var since topics.Position // zero: a new device
	_ = since.UnmarshalText([]byte(r.URL.Query().Get("since")))
	join(users, c, user, since)
	c.OnMessage(func(_ *conn.Conn, m conn.Message) {
		var at topics.Position
		if at.UnmarshalText(m.Payload) == nil {
			_ = publish(users, user, event{Seen: at})
		}
	})
}

// join has a device go on behind a position. A new one, or one that was away for too long, gets all that is kept, and
// then what comes.
func join(users *topics.Topics, c *conn.Conn, user string, since topics.Position) {
	isNew := since == topics.Position{}
	err := users.SubscribeSince(c, user, since, func(at topics.Position, err error) {
		switch {
		case err != nil && !isNew:
			join(users, c, user, topics.Position{})
		case err != nil:
			_ = c.Close(4500, err.Error())
		case isNew:
			_ = c.SendMessage(event{New: true}.message())
			kept, _ := users.Kept(user, at, 100)
			for _, m := range kept {
				_ = c.SendMessage(m)
			}
			_ = c.SendMessage(event{At: at}.message())
		}
	})
	if err != nil {
		_ = c.Close(4500, err.Error())
	}
}

// publish sends an event to all devices of a user.
func publish(users *topics.Topics, user string, e event) error {
	_, err := users.Publish(user, e.message())
	return err
}

func (e event) message() conn.Message {
	b, _ := json.Marshal(e)
	return conn.Message{Type: conn.Text, Payload: b}
}

// stamp puts the position of an event into it.
func stamp(_ string, at topics.Position, m conn.Message) conn.Message {
	m.Payload = fmt.Appendf(nil, `{"at":"%v",%s`, at, m.Payload[1:])
	return m
}
