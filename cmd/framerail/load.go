package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/framerail/framerail/cmd/internal/load"
	"github.com/framerail/framerail/cmd/internal/load/report"
)

// loadCommand is "framerail load".
type loadCommand struct {
	URL         string        `arg:"" help:"The server, such as ws://127.0.0.1:9001/."`
	Connections int           `short:"c" default:"50" placeholder:"N" help:"So many connections. Default: ${default}."`
	RampUp      time.Duration `default:"0s" placeholder:"TIME" help:"Spread the dials over this time. Messages begin when all are made."`
	Duration    time.Duration `short:"d" default:"10s" placeholder:"TIME" help:"Send for so long. Default: ${default}."`
	Messages    int64         `placeholder:"N" help:"End when so many messages have been sent in all."`
	Patience    time.Duration `default:"5s" placeholder:"TIME" help:"At the end wait so long for what is missing, and for closing handshakes. Default: ${default}."`
	Source      []netip.Addr  `placeholder:"ADDRESS" help:"Dial from these addresses in turn, such as 127.0.0.2,127.0.0.3: each has 28,000 ports."`
	Loops       int           `default:"1" placeholder:"N" help:"Event loops of this program. Default: ${default}."`
	PID         int           `name:"pid" placeholder:"PID" help:"Measure the CPU and memory of the server's process."`

	FailIf []load.Threshold `default:"errors>0" sep:"none" placeholder:"BOUND" help:"Exit with 1 if a figure is out of its bound, such as p99>50ms, rate<10000 or lost>0. Once or more. Default: ${default}."`
	Quiet  bool             `short:"q" help:"Show nothing until the end."`

	trafficFlags
	dialFlags
	report.Files

	sizes load.Sizes
}

// trafficFlags say what is sent.
type trafficFlags struct {
	Mode       load.Mode   `enum:"echo,send,receive,fanout" default:"echo" placeholder:"MODE" help:"echo: the server sends back what it gets. send: only send. receive: only receive. fanout: some publish, and all receive. Default: ${default}."`
	Size       string      `short:"s" default:"20" placeholder:"SIZE" help:"Length of messages: BYTES, uniform:MIN-MAX, pareto:MIN,ALPHA,MAX, or file:PATH with one length a line. Default: ${default}."`
	Rate       float64     `short:"r" placeholder:"N" help:"Send so many messages a second in all, whether answers come or not. Latency counts from when a message was due. Default: the next when an answer comes."`
	Pipeline   int         `placeholder:"N" help:"So many messages of a connection may wait for answers. Default: 1, or 1024 with --rate."`
	Publishers int         `default:"1" placeholder:"N" help:"So many connections publish with --mode fanout. Default: ${default}."`
	Binary     bool        `help:"Send binary messages instead of text."`
	Verify     load.Verify `enum:"full,sequence,off" default:"full" placeholder:"HOW" help:"Check of each message: full, sequence for all but the checksum, or off. Default: ${default}."`
	Template   string      `placeholder:"TEXT" help:"Send this text with the message in place of its {}, for servers with a form of their own."`
	Hello      []string    `sep:"none" placeholder:"TEXT" help:"Send this first on each connection, such as a subscription. Once or more. Not with --mode echo."`
	Seed       uint64      `default:"1" placeholder:"N" help:"Seed of lengths and contents. Default: ${default}."`
}

// Help is shown below the usage line of "framerail load --help".
func (*loadCommand) Help() string {
	return "Each message has a sequence number and a checksum, so what is lost, changed or repeated is counted. " +
		"Messages are at least 18 bytes long for that, and 34 with --mode fanout.\n\n" +
		"Bounds of --fail-if are about p50, p99.9 and other percentiles of the latency, connect-p99 of dials, " + strings.Join(load.Metrics(), ", ") + ".\n\n" +
		"SIGINT ends the run with its report. It exits with 0, with 1 if a figure is out of its bound, and with 2 if the server cannot be reached or a flag is wrong."
}

// Validate is called once the flags are parsed.
func (c *loadCommand) Validate() error {
	if err := c.dialFlags.Validate(); err != nil { // its own would be hidden by this one
		return err
	}
	if err := checkURL(c.URL); err != nil {
		return err
	}
	switch {
	case c.Connections < 1:
		return errors.New("--connections must be at least 1")
	case c.Loops < 1:
		return errors.New("--loops must be at least 1")
	case c.Rate < 0, c.Pipeline < 0, c.Messages < 0, c.Publishers < 1:
		return errors.New("--rate, --pipeline and --messages must not be negative, and --publishers must be at least 1")
	case c.Duration <= 0, c.RampUp < 0, c.Patience <= 0:
		return errors.New("--duration and --patience must be positive, and --ramp-up must not be negative")
	case c.Template != "" && strings.Count(c.Template, "{}") != 1:
		return errors.New("--template must have {} once, where the message goes")
	case c.Binary && c.Template != "":
		return errors.New("--template is text, and --binary is not")
	}
	var err error
	c.sizes, err = load.ParseSizes(c.Size, func(text string) (int, error) {
		var size byteSize
		err := size.UnmarshalText([]byte(text))
		return int(size), err
	})
	if err != nil {
		err = fmt.Errorf("--size: %w", err)
	}
	return err
}

// Run loads the server until it is over or SIGINT or SIGTERM comes, and shows the figures.
func (c *loadCommand) Run(*slog.Logger) error {
	if err := c.Files.Check(); err != nil {
		return &exitError{exitUsage, err}
	}
	config, err := c.config()
	if err != nil {
		return &exitError{exitUsage, err}
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop) // a second signal kills

	live := report.NewLive(os.Stderr, &config)
	if !c.Quiet {
		config.OnInterval = live.Interval
	}
	result, err := load.Run(ctx, config)
	live.Finish()
	if err != nil {
		return &exitError{exitUsage, c.hinted(err)}
	}
	about := report.About{Version: version(), URL: redacted(c.URL)}
	for _, bound := range c.FailIf {
		if bound.Met(result) {
			about.Failed = append(about.Failed, bound.String())
		}
	}
	if err := c.Files.Write(os.Stdout, result, about); err != nil {
		return err
	}
	if len(about.Failed) > 0 {
		return errors.New("out of bounds: " + strings.Join(about.Failed, ", "))
	}
	return nil
}

// config is the run that the flags ask for.
func (c *loadCommand) config() (config load.Config, err error) {
	config = load.Config{
		Dialling: load.Dialling{
			URL: c.URL, Connections: c.Connections, RampUp: c.RampUp, Sources: c.Source,
			Header: c.header(), Subprotocols: c.Subprotocol, Deflate: c.deflate(),
		},
		Traffic: load.Traffic{
			Mode: c.Mode, Sizes: c.sizes, Rate: c.Rate, Pipeline: c.Pipeline, Publishers: c.Publishers,
			Binary: c.Binary, Verify: c.Verify, Template: c.Template, Hello: c.Hello, Seed: c.Seed,
		},
		Duration: c.Duration, Messages: c.Messages, Patience: c.Patience, Loops: c.Loops, PID: c.PID,
	}
	config.TLS, err = c.tls()
	return config, err
}
