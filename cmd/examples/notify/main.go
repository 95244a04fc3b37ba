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
	At   topics.Position `json:"at,omitzero"` // the device goes on from here
	Text string          `json:"text,omitempty"`
	Seen topics.Position `json:"seen,omitzero"` // At of what a user has seen
}

func main() {
	addr := flag.String("addr", "127.0.0.1:8080", "where to listen")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)

	users := &topics.Topics{History: func(string) topics.History {
		return topics.History{Messages: 100, Age: 24 * time.Hour}
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

// topicOf is the topic of the user in a request, or "". Here anybody may be anybody: a real program
// takes the user from its session's cookie, in Server.Check.
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
	var since topics.Position
	if text := r.URL.Query().Get("since"); text == "" || since.UnmarshalText([]byte(text)) != nil {
		begin(users, c, user)
	} else if _, err := users.SubscribeSince(c, user, since); err != nil {
		begin(users, c, user)
	}
	c.OnMessage(func(_ *conn.Conn, m conn.Message) {
		var at topics.Position
		if at.UnmarshalText(m.Payload) == nil {
			_ = publish(users, user, event{Seen: at})
		}
	})
}

// begin sends a device all that is kept, and then what comes.
func begin(users *topics.Topics, c *conn.Conn, user string) {
	at, err := users.Subscribe(c, user)
	if err != nil {
		_ = c.Close(4500, err.Error())
		return
	}
	kept, _ := users.Kept(user, at, 100)
	for _, m := range kept {
		_ = c.SendMessage(m)
	}
	b, _ := json.Marshal(event{At: at})
	_ = c.SendMessage(conn.Message{Type: conn.Text, Payload: b})
}

// publish sends an event, with its position, to all devices of a user.
func publish(users *topics.Topics, user string, e event) error {
	_, err := users.PublishFunc(user, nil, func(at topics.Position) conn.Message {
		e.At = at
		b, _ := json.Marshal(e)
		return conn.Message{Type: conn.Text, Payload: b}
	})
	return err
}
