//go:build linux

package main

import (
	"context"
	"math"
	"net"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// restartCommand stops a server and starts the next on the same port, over and
// over. Broken, the port is bound without SO_REUSEADDR, as Go does it by default.
type restartCommand struct {
	scale
	Count int `default:"1000" help:"Restarts."`
	Conns int `default:"10" help:"Connections of each server: half end before it, half with it."`
}

func (b *restartCommand) Run(ctx context.Context) error {
	if b.Short {
		b.Count = 30
	}
	v := new(verdict)
	addr, served := "127.0.0.1:0", 0
	start := time.Now()
	for i := range b.Count {
		srv := newLocal(ctx)
		ln, err := b.listen(ctx, addr)
		if err != nil {
			v.miss("restart %d: %v", i, err)
			break
		}
		addr = ln.Addr().String()
		srv.begin(ln)
		if err := b.use(ctx, v, srv, addr); err != nil {
			return err
		}
		served++
	}
	return v.finish("%d servers on one port in %v, %d connections, none reset that had finished, no EADDRINUSE",
		served, time.Since(start).Round(time.Millisecond), served*b.Conns)
}

func (b *restartCommand) listen(ctx context.Context, addr string) (net.Listener, error) {
	var l net.ListenConfig
	if b.Break {
		l.Control = func(_, _ string, raw syscall.RawConn) error {
			return controlling(raw, func(fd int) error {
				return unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_REUSEADDR, 0)
			})
		}
	}
	return l.Listen(ctx, "tcp", addr)
}

// use has clients finish before the server does, and others with it. A reset would
// show as the error of a read.
func (b *restartCommand) use(ctx context.Context, v *verdict, srv *local, addr string) error {
	for i := range b.Conns / 2 {
		if err := oneLife(ctx, addr); err != nil {
			v.miss("client %d: %v", i, err)
		}
	}
	clients := make([]*client, b.Conns-b.Conns/2)
	defer func() { closeAll(clients) }()
	ended := make(chan error, len(clients))
	for i := range clients {
		var err error
		if clients[i], err = open(ctx, addr, "/"); err != nil {
			return err
		}
		c := clients[i]
		go func() {
			_, _, err := c.echoUntil1001(math.MaxInt)
			ended <- err
		}()
	}
	until, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	if _, err := srv.Shutdown(until); err != nil {
		v.miss("shutdown: %v", err)
	}
	for range clients {
		if err := <-ended; err != nil {
			v.miss("a client at the shutdown: %v", err)
		}
	}
	return nil
}
