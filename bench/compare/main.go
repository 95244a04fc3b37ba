//go:build linux

// Command compare measures framerail beside other WebSocket libraries, all in
// the same run and in turns, so that the machine's mood falls on every one of
// them alike. Read its ratios; its absolute figures are those of one machine in
// one minute. The README of this module says how each figure is made.
package main

import (
	"context"
	"os/signal"
	"strings"
	"syscall"

	"github.com/alecthomas/kong"

	"github.com/framerail/framerail/bench/peers"
)

type program struct {
	All        allCommand        `cmd:"" help:"Measure all rows, or some, and write JSON, tables and plots."`
	Rows       rowsCommand       `cmd:"" help:"List the rows, each with its servers."`
	Publish    publishCommand    `cmd:"" help:"Put the tables and plots of a whole run into the README."`
	Serve      serveCommand      `cmd:"" help:"Run one server by itself, until interrupted."`
	Generators generatorsCommand `cmd:"" help:"Measure what framerail load costs itself, beside other generators of load."`
	Load       loadCommand       `cmd:"" hidden:"" help:"Play the clients of one measurement and print its figures as JSON."`
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	command := kong.Parse(new(program),
		kong.Name("compare"),
		kong.Description("Measure framerail beside other WebSocket libraries, in one run. Linux only."),
		kong.Vars{"every": strings.Join(peers.Names(peers.Every()), ",")},
		kong.BindTo(ctx, (*context.Context)(nil)),
	)
	command.FatalIfErrorf(command.Run())
}
