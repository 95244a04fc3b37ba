//go:build linux

// Command reliability puts framerail under load, faults and attack, one bar at a
// time. Each bar is a subcommand that is bounded in count and time, stays on
// loopback, prints its figure on the last line, and exits 0 only if it holds. The
// hidden flag --break takes the protection away, or puts a server with that very
// fault in framerail's place: a bar is worth something only if it then fails.
package main

import (
	"context"
	"errors"
	"os"
	"os/signal"
	"syscall"

	"github.com/alecthomas/kong"
)

type program struct {
	Hold          holdCommand          `cmd:"" help:"Many open connections, pinged: none is dropped."`
	Churn         churnCommand         `cmd:"" help:"Connect, echo, close, over and over: nothing stays behind."`
	Integrity     integrityCommand     `cmd:"" help:"Messages in random fragments and pieces: nothing lost, reordered, altered."`
	Admission     admissionCommand     `cmd:"" help:"More clients than allowed, in all, from one address, in a second: refused or kept waiting, others unaffected."`
	OneAddress    oneAddressCommand    `cmd:"" name:"oneaddress" help:"One address that dials beyond its limit, or resets what it dials: others' handshakes do not wait."`
	Budget        budgetCommand        `cmd:"" help:"Clients that together hold more than there is for buffers: new ones refused, the largest holders closed."`
	Unopened      unopenedCommand      `cmd:"" help:"Handshakes that are never finished, in each phase before a connection is open: bounded, open connections unaffected."`
	Lifetime      lifetimeCommand      `cmd:"" help:"Connections that live for long: closed with 1001 in time, not all at once."`
	SlowReader    slowReaderCommand    `cmd:"" name:"slowreader" help:"Peers that stop reading, under each overflow policy: bounded, dealt with, others unaffected."`
	Stopped       stoppedCommand       `cmd:"" help:"A member of a topic that does not read: the others get what is published as soon as without it."`
	Stalled       stalledCommand       `cmd:"" help:"Requests at a Handler that stand still: cut in time, their places free, a shutdown not held up."`
	Headers       headersCommand       `cmd:"" help:"Requests that are too long or have no end: refused, at a cost that grows with their bytes alone."`
	Slowloris     slowlorisCommand     `cmd:"" help:"Requests sent a byte at a time: ended at the deadline, others unaffected."`
	Claims        claimsCommand        `cmd:"" help:"Claimed lengths: memory follows what was received."`
	Fragments     fragmentsCommand     `cmd:"" help:"A message of endless tiny fragments: closed, within bounded memory."`
	Inflate       inflateCommand       `cmd:"" help:"Compressed messages that say a thousand times more than they are long: stopped at the limit."`
	Compression   compressionCommand   `cmd:"" help:"Compressed input that is short and takes long: bounded in a turn and in a second, neighbours unaffected."`
	Control       controlCommand       `cmd:"" help:"Floods of pings, and every way to close wrongly."`
	Storm         stormCommand         `cmd:"" help:"Far more dials than descriptors: no spinning, live connections go on, accepts resume."`
	HalfOpen      halfOpenCommand      `cmd:"" name:"halfopen" help:"Peers that vanish without a word: closed in time. As root, for TCP_REPAIR; otherwise peers that say nothing."`
	Resets        resetsCommand        `cmd:"" help:"Resets in the middle of a long write: one close callback each, nothing crosses over."`
	Shutdown      shutdownCommand      `cmd:"" help:"Shutdown under full load: every message echoed, or 1001 seen."`
	Stuck         stuckCommand         `cmd:"" help:"Shutdown against peers that do not read: back at the deadline."`
	Restart       restartCommand       `cmd:"" help:"One server after another on the same port."`
	Handover      handoverCommand      `cmd:"" help:"One process takes over the listener from the other under load: no connection attempt fails."`
	Panics        panicsCommand        `cmd:"" help:"Panics in every callback: closed with 1011, logged, nobody else notices."`
	Blocking      blockingCommand      `cmd:"" help:"A callback that sleeps: its loop waits, nobody else, and the watchdog names it."`
	Late          lateCommand          `cmd:"" help:"A server that is kept from its work while what clients owe it comes: none is closed as idle or late."`
	UTF8          utf8Command          `cmd:"" name:"utf8" help:"Every sequence of bytes as text, cut everywhere: refused at its first bad byte."`
	Smuggling     smugglingCommand     `cmd:"" help:"Requests that two readers could read differently, cut everywhere: one answer."`
	Negotiation   negotiationCommand   `cmd:"" help:"Origins, subprotocols and extensions by the grammar and against it: nothing agreed that was not offered."`
	Contention    contentionCommand    `cmd:"" help:"Many goroutines at the same connections, under the race detector. With go run -race."`
	Simulation    simulationCommand    `cmd:"" help:"Whole lives on a simulated machine that fails in every way: no invariant broken."`
	Stale         staleCommand         `cmd:"" help:"Callbacks that close connections while events for them are queued: nothing crosses over."`
	Cuts          cutsCommand          `cmd:"" help:"A session cut at every offset, and a byte at a time: the same events, at a cost linear in bytes."`
	Fuzz          fuzzCommand          `cmd:"" help:"Fuzz targets, for a number of executions each: no finding."`
	Allocs        allocsCommand        `cmd:"" help:"Every shape of valid input: nothing is allocated for it."`
	Leaks         leaksCommand         `cmd:"" help:"Lives that end in every way: nothing of them is left."`
	Amplification amplificationCommand `cmd:"" help:"Input that is cheap to send: what it costs the server."`
	Soak          soakCommand          `cmd:"" help:"Mixed echo at half the peak, for long: no growth, and no later at the end."`
	Generation    generationCommand    `cmd:"" hidden:"" help:"Run one server that another takes the place of."`
	Serve         serveCommand         `cmd:"" hidden:"" help:"Run one server for a bar."`
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	command := kong.Parse(new(program),
		kong.Name("reliability"),
		kong.Description("Put framerail under load, faults and attack, one bar at a time. Linux only."),
		kong.BindTo(ctx, (*context.Context)(nil)),
	)
	err := command.Run()
	if errors.Is(err, errMissed) {
		os.Exit(1) // the figure, already printed, says why
	}
	command.FatalIfErrorf(err)
}
