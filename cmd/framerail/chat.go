package main

import (
	"crypto/rand"
	"log/slog"

	"github.com/framerail/framerail/cmd/internal/chat"
)

// chatCommand is "framerail chat".
type chatCommand struct {
	Addr []place `default:"127.0.0.1:9002" sep:"none" placeholder:"PLACE" help:"Where to listen, once or more: HOST:PORT, with port 0 for a free one; unix:PATH; or systemd, for the sockets of its socket activation. Default: ${default}."`
	Node string  `placeholder:"NAME" help:"What the page calls this process. Default: four letters at random."`
	serveFlags
}

// Help is shown below the usage line of "framerail chat --help".
func (*chatCommand) Help() string {
	return "Open the printed address in a browser, or that address with the name of a room behind it. Whoever can reach it can join. The last 200 lines of a room are kept for an hour, in memory."
}

// Run serves until a signal comes.
func (c *chatCommand) Run(log *slog.Logger) error {
	if c.Node == "" {
		c.Node = rand.Text()[:4]
	}
	srv := chat.New(c.Node).Server(log)
	return c.serve(srv, c.Addr, srv.Serve, "chat", "http", log)
}
