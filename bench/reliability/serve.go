//go:build linux

package main

import (
	"bufio"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"os"
	"runtime"
	"runtime/debug"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/framerail/framerail/conn"
	"github.com/framerail/framerail/internal/test/testcert"
	"github.com/framerail/framerail/server"
)

// setup says which server a bar wants. Zero values are framerail's defaults.
type setup struct {
	// Program is what framerail does with messages, by its name in programs, or ""
	// for one of faultyServers.
	Program string
	// Faulty is the server put in framerail's place, by its name in faultyServers.
	Faulty string

	// way is withServer's to set.
	way

	server.Limits
	Dispatch       conn.Dispatch
	Loops          int
	Subprotocols   []string
	OriginPatterns []string
	Deflate        server.Deflate
	// Proxied has clients come through a proxy that speaks the PROXY protocol.
	Proxied bool
	// Pages has a Handler answer ordinary requests with 200.
	Pages bool

	// SendBuffer is the kernel's for each connection, in bytes; 0 leaves it.
	SendBuffer int
	// Descriptors is the limit on open descriptors; 0 leaves it.
	Descriptors uint64
	// Exact makes counts of allocations exact: one P, since each P has a place of its own
	// in a pool, which is filled once, and no garbage collection, which empties pools.
	Exact bool
	// Quiet hides what the process writes to its standard error.
	Quiet bool
}

// serveCommand is one server as a process of its own. It prints its address, then
// its stats for each line of standard input, and ends with that. The line "glance" asks
// for what can be told without a garbage collection.
type serveCommand struct {
	Setup string `arg:"" help:"A setup as JSON."`
}

func (s *serveCommand) Run(ctx context.Context) error {
	var set setup
	if err := json.Unmarshal([]byte(s.Setup), &set); err != nil {
		return err
	}
	if set.Descriptors > 0 {
		limit := unix.Rlimit{Cur: set.Descriptors, Max: set.Descriptors}
		if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &limit); err != nil {
			return fmt.Errorf("setrlimit: %w", err)
		}
	}
	startThreads()
	if set.Exact {
		runtime.GOMAXPROCS(1)
		debug.SetGCPercent(-1)
	}
	ln, err := set.listen(ctx)
	if err != nil {
		return err
	}
	n := new(counters)
	end, err := serve(set, n, ln)
	if err != nil {
		return err
	}
	fmt.Println(ln.Addr())
	for lines := bufio.NewScanner(os.Stdin); lines.Scan(); {
		s := n.glance()
		if lines.Text() != "glance" {
			n.collect(&s)
		}
		if err := json.NewEncoder(os.Stdout).Encode(s); err != nil {
			return err
		}
	}
	return end()
}

// listen is on a free port. Connections inherit the buffer of the listener.
func (set *setup) listen(ctx context.Context) (net.Listener, error) {
	var l net.ListenConfig
	if set.SendBuffer > 0 {
		l.Control = func(_, _ string, raw syscall.RawConn) error {
			return controlling(raw, func(fd int) error {
				return unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_SNDBUF, set.SendBuffer)
			})
		}
	}
	return l.Listen(ctx, "tcp", "127.0.0.1:0")
}

// controlling runs f on a socket.
func controlling(raw syscall.RawConn, f func(fd int) error) error {
	var failed error
	err := raw.Control(func(fd uintptr) { failed = f(int(fd)) })
	return errors.Join(err, failed)
}

// serve starts the server that was asked for.
func serve(set setup, n *counters, ln net.Listener) (end func() error, err error) {
	if set.Faulty != "" {
		f, ok := faultyServers[set.Faulty]
		if !ok {
			return nil, fmt.Errorf("no faulty server %q", set.Faulty)
		}
		if set.TLS {
			ln = behindTLS(ln)
		}
		go f(ln)
		return ln.Close, nil
	}
	configure, ok := programs[set.Program]
	if !ok {
		return nil, fmt.Errorf("no program %q", set.Program)
	}
	srv := &server.Server{
		Limits:         set.Limits,
		Dispatch:       set.Dispatch,
		Loops:          cmp.Or(set.Loops, runtime.GOMAXPROCS(0)), // which is less while a heap is measured
		Subprotocols:   set.Subprotocols,
		OriginPatterns: set.OriginPatterns,
		Deflate:        set.Deflate,
		Logger:         slog.New(&stackCounter{&n.stacks}),
		OnConnection:   func(*conn.Conn) { n.opened.Add(1) },
		OnMessage:      echo,
		OnClose:        func(*conn.Conn, conn.CloseInfo) { n.closed.Add(1) },
	}
	if set.Pages {
		srv.Handler = http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "a page") })
	}
	if set.Proxied {
		srv.Proxies.Protocol.Networks = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}
	}
	n.srv = srv
	configure(srv, n)
	if set.TLS {
		srv.TLSConfig = testcert.Config()
	}
	set.ready(srv)
	go func() {
		if err := set.serve(srv, ln); err != nil {
			fmt.Fprintln(os.Stderr, "the server gave up:", err)
			os.Exit(1)
		}
	}()
	set.begun(srv)
	return func() error { return set.end(srv, ln) }, nil
}

func echo(c *conn.Conn, m conn.Message) {
	// A send fails only when the peer is closing, or does not read.
	_ = c.SendMessage(m)
}
