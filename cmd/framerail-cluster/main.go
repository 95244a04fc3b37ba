// Command framerail-cluster is "framerail chat" on several machines: whoever is in a room hears the others
// there, whichever machine serves their page. The machines talk over NATS, which may be in the program, or over
// Redis:
//
//	framerail-cluster --cluster-listen 10.0.0.1:6222 --cluster 10.0.0.2:6222,10.0.0.3:6222
//	framerail-cluster --nats nats://10.0.0.5:4222
//	framerail-cluster --redis redis://10.0.0.6:6379
//
// The first line needs nothing installed, but a secret in the environment variable FRAMERAIL_CLUSTER_SECRET, the same on all
// machines. Without any of these flags the program is alone.
//
// A page that was cut off misses nothing, on whichever node it comes back, if the lines are kept by the broker:
// by Redis, by NATS with --jetstream, or by the programs themselves with --store. Otherwise the page is told that something
// may be missing, unless others in the room were on its node meanwhile.
//
// It prints a line with its address on standard output when it has met the others, or after half a minute. It drains on SIGINT and
// SIGTERM.
package main

import (
	"context"
	"crypto/rand"
	"flag"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/framerail/framerail/cmd/internal/chat"
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "framerail-cluster:", err)
		os.Exit(1)
	}
}

// run serves until a signal comes.
func run(args []string) error {
	flags := flag.NewFlagSet("framerail-cluster", flag.ExitOnError)
	addr := flags.String("addr", "127.0.0.1:9002", "where to listen for browsers, `HOST:PORT`")
	node := flags.String("node", rand.Text()[:4], "what the page calls this process, a `NAME`")
	var how joint
	how.flags(flags)
	_ = flags.Parse(args) // ends the program on an error
	if flags.NArg() > 0 {
		return fmt.Errorf("unexpected argument %s", flags.Arg(0))
	}

	// From here on a signal ends ctx, and not the program.
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()

	log := slog.Default()
	broker, leave, err := how.join(log)
	if err != nil {
		return err
	}
	defer leave()
	rooms := chat.New(*node)
	rooms.Topics.Broker = broker
	defer rooms.Topics.Close() // before leave
	if broker != nil {
		meet(ctx, rooms, log)
	}
	srv := rooms.Server(log)
	srv.Addr = *addr
	if err := srv.Start(); err != nil {
		return err
	}
	fmt.Printf("framerail-cluster: http://%v/\n", srv.ListenAddr())

	<-ctx.Done()
	stop() // a second signal ends the program at once
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	_, err = srv.Shutdown(ctx)
	return err
}

// meet waits until the broker is connected. Without it for long, the node begins alone and is joined to the others later.
func meet(ctx context.Context, rooms *chat.Rooms, log *slog.Logger) {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	for !rooms.Topics.Stats().Broker.Up {
		select {
		case <-ctx.Done():
			log.Warn("the other nodes cannot be reached yet")
			return
		case <-time.After(20 * time.Millisecond):
		}
	}
}
