package main

import (
	"context"
	"log/slog"
	"os"
	"os/signal"
	"syscall"
	"time"

	"golang.org/x/term"

	"github.com/framerail/framerail/client"
	"github.com/framerail/framerail/cmd/internal/connect"
)

// connectCommand is "framerail connect".
type connectCommand struct {
	URL        string        `arg:"" help:"The server, such as ws://127.0.0.1:9001/."`
	Binary     bool          `help:"Send lines as binary messages instead of text."`
	Slash      bool          `help:"Take lines that begin with a slash as commands: /ping TEXT, /pong TEXT, /binary HEX, /close CODE REASON. //TEXT sends /TEXT."`
	Raw        bool          `help:"Print the payloads of messages and nothing else."`
	Linger     time.Duration `default:"1s" placeholder:"TIME" help:"At the end of a pipe, close when nothing has come for so long. Default: ${default}."`
	MaxMessage byteSize      `default:"64MiB" placeholder:"BYTES" help:"Longest message that may come. Default: ${default}."`
	dialFlags
}

// Help is shown below the usage line of "framerail connect --help".
func (*connectCommand) Help() string {
	return "Each line is sent as a message. What comes is printed with its time, opcode and size. " +
		"At the end of the lines, or with Ctrl-C, the connection is closed.\n\n" +
		"It exits with 0 if the connection was closed in order with 1000, 1001 or without a code, with 1 if it was not, and with 2 if the server cannot be reached or a flag is wrong."
}

// Validate is called once the flags are parsed.
func (c *connectCommand) Validate() error {
	if err := c.dialFlags.Validate(); err != nil { // its own would be hidden by this one
		return err
	}
	if err := checkURL(c.URL); err != nil {
		return err
	}
	return c.MaxMessage.within("--max-message", 1, maxEcho)
}

// Run talks with the server until the lines end, the connection does, or SIGINT or SIGTERM comes.
func (c *connectCommand) Run(*slog.Logger) error {
	tlsConfig, err := c.tls()
	if err != nil {
		return &exitError{exitUsage, err}
	}
	ws := &client.Client{
		Header: c.header(), Subprotocols: c.Subprotocol, Deflate: c.deflate(), TLSConfig: tlsConfig,
		Logger: slog.New(slog.DiscardHandler), // what it would log is shown
	}
	ws.MaxMessageSize = int64(c.MaxMessage)
	ws.MaxPending = 4 * int(c.MaxMessage)
	ws.MessagesPerSecond, ws.ControlFramesPerSecond, ws.CompressionPerSecond = -1, -1, -1
	ws.IdleTimeout = -1 // whose pings would bring pongs that nobody has asked for

	s := &connect.Session{
		Client: ws, URL: c.URL, Lines: connect.Piped(os.Stdin), Binary: c.Binary, Slash: c.Slash, Linger: c.Linger,
		Show: &connect.Printer{Out: os.Stdout, Raw: c.Raw, Err: os.Stderr, Terminal: term.IsTerminal(int(os.Stdout.Fd()))},
	}
	if lines, out, restore, ok := connect.Typed(os.Stdin, os.Stdout); ok {
		defer restore()
		s.Lines, s.Show.Out, s.Linger = lines, out, 0
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop) // a second signal kills

	info, err := s.Run(ctx)
	if err != nil {
		return &exitError{exitUsage, c.hinted(err)}
	}
	if !connect.InOrder(info) {
		return errNotPassed
	}
	return nil
}
