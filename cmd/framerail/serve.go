package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/framerail/framerail/server"
)

// serveFlags are the flags of every command that serves.
type serveFlags struct {
	Loops        int           `default:"0" placeholder:"N" help:"Event loops; 0 is one for each CPU that Go uses. Default: 0."`
	DrainTimeout time.Duration `default:"10s" placeholder:"TIME" help:"After a signal, wait this long for connections to close before they are cut. Default: ${default}."`
	DrainWindow  time.Duration `default:"0s" placeholder:"TIME" help:"After a signal, spread the close frames over this time, at random, before --drain-timeout begins. Less if that is below 5s: the last clients have 5s to answer. Default: all at once."`
	Metrics      listenAddr    `placeholder:"HOST:PORT" help:"Serve counters here too: /metrics for Prometheus, /debug/vars as JSON. Default: nowhere."`
}

// Validate is called once the flags are parsed.
func (f *serveFlags) Validate() error {
	switch {
	case f.Loops < 0:
		return errors.New("--loops must not be negative")
	case f.DrainTimeout < 0:
		return errors.New("--drain-timeout must not be negative")
	case f.DrainWindow < 0:
		return errors.New("--drain-window must not be negative")
	}
	return nil
}

// serve listens at places, has srv serve each with accept until SIGINT or SIGTERM, and then
// drains it. Once it listens, it prints a line on standard output for each place: the command
// and its URL.
func (f *serveFlags) serve(srv *server.Server, places []place, accept func(net.Listener) error, command, scheme string, log *slog.Logger) error {
	// Before the line is printed, because its reader may send a signal at once.
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	defer signal.Stop(signals)

	srv.Loops = f.Loops
	srv.Leaving.Window = f.DrainWindow
	if f.Metrics != "" {
		m, err := serveMetrics(f.Metrics, srv, log)
		if err != nil {
			return err
		}
		defer m.Close()
	}
	lns, err := listen(places)
	if err != nil {
		return err
	}
	defer srv.Close()
	ended := make(chan error, len(lns))
	for _, ln := range lns {
		go func() { ended <- accept(ln) }()
	}
	for srv.ListenAddr() == nil { // it serves, or says soon why it does not
		select {
		case err := <-ended:
			return err
		case <-time.After(time.Millisecond):
		}
	}
	forgetStartup()
	for _, ln := range lns {
		fmt.Printf("framerail %s: %s\n", command, urlOf(scheme, ln.Addr()))
	}

	select {
	case <-signals:
	case err := <-ended:
		return err
	}
	signal.Stop(signals) // from here a second signal does what it does by default: it kills

	ctx, cancel := context.WithTimeout(context.Background(), f.DrainWindow+f.DrainTimeout)
	defer cancel()
	if _, err := srv.Shutdown(ctx); !errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	return nil // the server has logged what it cut
}

// urlOf is the address as something to open. An unspecified IP address, "all of
// this machine's", is no destination: localhost is. A unix socket has no URL.
func urlOf(scheme string, addr net.Addr) string {
	host := addr.String()
	if addr.Network() == "unix" {
		return "unix:" + host
	}
	if tcp, ok := addr.(*net.TCPAddr); ok && tcp.IP.IsUnspecified() {
		host = fmt.Sprintf("localhost:%d", tcp.Port)
	}
	return scheme + "://" + host + "/"
}
