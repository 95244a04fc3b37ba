//go:build linux

// Command compare measures framerail beside other WebSocket libraries, all in
// the same run and in turns, so that the machine's mood falls on every one of
// them alike. Read its ratios; its absolute figures are those of one machine in
// one minute. The README of this module says how each figure is made.
package main

import (
	"context"
	"os/signal"
	"slices"
	"strings"
	"syscall"

	"github.com/alecthomas/kong"

	"github.com/framerail/framerail/bench/peers"
)

type program struct {
	CPU    cpuCommand    `cmd:"" name:"cpu" help:"Server CPU for each echoed message."`
	Memory memoryCommand `cmd:"" help:"Resident memory of the server for each idle connection."`
	Serve  serveCommand  `cmd:"" help:"Run one echo server by itself, until interrupted."`
	Load   loadCommand   `cmd:"" hidden:"" help:"Play the clients of one measurement and print its figures as JSON."`
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	command := kong.Parse(new(program),
		kong.Name("compare"),
		kong.Description("Measure framerail beside other WebSocket libraries, in one run. Linux only."),
		kong.Vars{
			"peers": strings.Join(peers.Names(peers.All()), ","),
			"all":   strings.Join(peers.Names(slices.Concat(peers.All(), peers.Compressing(), peers.Secure(), peers.Upgrading(), peers.Floor())), ","),
		},
		kong.BindTo(ctx, (*context.Context)(nil)),
	)
	command.FatalIfErrorf(command.Run())
}
