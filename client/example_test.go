package client_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"time"

	"github.com/framerail/framerail/client"
	"github.com/framerail/framerail/conn"
	"github.com/framerail/framerail/frame"
	"github.com/framerail/framerail/server"
)

// echoServer is a server for the examples.
func echoServer() *server.Server {
	srv := &server.Server{Addr: "127.0.0.1:0", OnMessage: func(c *conn.Conn, m conn.Message) { _ = c.SendMessage(m) }}
	if err := srv.Start(); err != nil {
		panic(err)
	}
	return srv
}

// A connection's messages come to a callback.
func ExampleClient() {
	srv := echoServer()
	defer srv.Close()

	done := make(chan struct{})
	c := &client.Client{
		OnMessage: func(ws *conn.Conn, m conn.Message) {
			fmt.Println("got", m)
			_ = ws.Close(frame.NormalClosure, "that was all")
		},
		OnClose: func(_ *conn.Conn, info conn.CloseInfo) {
			fmt.Println("closed:", info.Clean())
			close(done)
		},
	}
	defer c.Close()
	ws, err := c.Dial(context.Background(), "ws://"+srv.ListenAddr().String())
	if err != nil {
		fmt.Println(err)
		return
	}
	_ = ws.SendText("hello")
	<-done
	// Output:
	// got hello
	// closed: true
}

// Without a callback for messages the program reads them.
func ExampleDial() {
	srv := &server.Server{Addr: "127.0.0.1:0"}
	srv.OnConnection = func(c *conn.Conn) { _ = c.SendText("what is your name?") }
	srv.OnMessage = func(c *conn.Conn, m conn.Message) {
		_ = c.SendText("hello " + m.String())
		_ = c.Close(frame.NormalClosure, "")
	}
	if err := srv.Start(); err != nil {
		fmt.Println(err)
		return
	}
	defer srv.Close()

	var c client.Client // or client.Dial, for a client that lasts as long as the program
	defer c.Close()
	ctx := context.Background()
	ws, err := c.Dial(ctx, "ws://"+srv.ListenAddr().String())
	if err != nil {
		fmt.Println(err)
		return
	}
	question, err := ws.Receive(ctx)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(question)
	_ = ws.SendText("Ada")
	for m, err := range ws.Messages(ctx) {
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Println(m)
	}
	fmt.Println("that was all")
	// Output:
	// what is your name?
	// hello Ada
	// that was all
}

// Each request may have a header and callbacks of its own.
func ExampleClient_DialRequest() {
	srv := echoServer()
	defer srv.Close()

	var c client.Client
	defer c.Close()
	for _, name := range []string{"Ada", "Bob"} {
		r, err := http.NewRequestWithContext(context.Background(), http.MethodGet, "ws://"+srv.ListenAddr().String()+"/chat", nil)
		if err != nil {
			fmt.Println(err)
			return
		}
		r.Header.Set("Authorization", "Bearer token of "+name)
		got := make(chan string)
		ws, err := c.DialRequest(r, func(ws *conn.Conn) {
			ws.OnMessage(func(_ *conn.Conn, m conn.Message) { got <- m.String() })
		})
		if err != nil {
			fmt.Println(err)
			return
		}
		_ = ws.SendText("hello from " + name)
		fmt.Println(<-got)
	}
	// Output:
	// hello from Ada
	// hello from Bob
}

// A server's refusal has its status, its header and the beginning of its body.
func ExampleHandshakeError() {
	srv := &server.Server{Addr: "127.0.0.1:0", Path: "/chat", Logger: slog.New(slog.DiscardHandler)}
	if err := srv.Start(); err != nil {
		fmt.Println(err)
		return
	}
	defer srv.Close()

	var c client.Client
	defer c.Close()
	_, err := c.Dial(context.Background(), "ws://"+srv.ListenAddr().String()+"/other")
	var refused *client.HandshakeError
	if errors.As(err, &refused) {
		fmt.Println("refused with", refused.Status)
	}
	// Output:
	// refused with 404
}

// The connection is dialled again when the server restarts. What was sent meanwhile comes then.
func ExampleReconnecting() {
	srv := &server.Server{Addr: "127.0.0.1:0"}
	srv.OnMessage = func(c *conn.Conn, m conn.Message) {
		fmt.Println("server got", m)
		if m.String() == "restart" {
			_ = c.Close(frame.ServiceRestart, "")
			return
		}
		_ = c.Close(frame.NormalClosure, "that was all")
	}
	if err := srv.Start(); err != nil {
		fmt.Println(err)
		return
	}
	defer srv.Close()

	var c client.Client
	defer c.Close()
	r := &client.Reconnecting{
		Client: &c, URL: "ws://" + srv.ListenAddr().String(), MaxWaiting: 64 << 10,
		FirstDelay: time.Millisecond, // 5 s in real life
	}
	r.OnDown = func(o *client.Outage) {
		if !o.Final {
			_ = r.Send(conn.Message{Type: conn.Text, Payload: []byte("hello again")})
		}
	}
	_ = r.Send(conn.Message{Type: conn.Text, Payload: []byte("restart")})
	var o *client.Outage
	if err := r.Run(context.Background()); errors.As(err, &o) {
		fmt.Println("it ended:", o.Close.Reason)
	}
	// Output:
	// server got restart
	// server got hello again
	// it ended: that was all
}
