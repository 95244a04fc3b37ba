package main

import (
	"log/slog"

	"github.com/framerail/framerail/cmd/internal/chat"
	"github.com/framerail/framerail/conn"
	"github.com/framerail/framerail/frame"
	"github.com/framerail/framerail/server"
)

// chatCommand is "framerail chat".
type chatCommand struct {
	Addr []place `default:"127.0.0.1:9002" sep:"none" placeholder:"PLACE" help:"Where to listen, once or more: HOST:PORT, with port 0 for a free one; unix:PATH; or systemd, for the sockets of its socket activation. Default: ${default}."`
	serveFlags
}

// Help is shown below the usage line of "framerail chat --help".
func (*chatCommand) Help() string {
	return "Open the printed address in a browser. Whoever can reach it can join; nothing is stored."
}

// Run serves until a signal comes.
func (c *chatCommand) Run(log *slog.Logger) error {
	var room chat.Room
	srv := &server.Server{
		Path:    chat.SocketPath,
		Handler: chat.Page(),
		// A page that has missed an event would show a room that does not exist.
		Overflow: conn.OverflowClose,
		Limits:   server.Limits{Limits: conn.Limits{MaxMessageSize: chat.MaxMessageSize}},
		Logger:   log,
		OnConnection: func(c *conn.Conn) {
			c.SetValue(room.Enter(c))
		},
		OnMessage: func(c *conn.Conn, m conn.Message) {
			if m.Type != conn.Text {
				c.Close(frame.UnsupportedData, "the chat is text")
				return
			}
			c.Value().(*chat.Visitor).Receive(m.Payload)
		},
		OnClose: func(c *conn.Conn, _ conn.CloseInfo) {
			c.Value().(*chat.Visitor).Leave()
		},
	}
	return c.serve(srv, c.Addr, srv.Serve, "chat", "http", log)
}
