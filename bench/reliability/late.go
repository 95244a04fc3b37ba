//go:build linux

package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/framerail/framerail/bench/internal/wire"
	"github.com/framerail/framerail/conn"
	"github.com/framerail/framerail/server"
)

// lateCommand keeps a server from its work until timers are due, by stopping its process
// and by a callback that sleeps, while what its clients owe it comes: the answer to a ping,
// a request, the header of a proxy, a TLS handshake. Broken, a server takes framerail's
// place whose timers do not look.
type lateCommand struct {
	scale
	way
	Conns int           `default:"1000" help:"Connections for each of the tries."`
	Idle  time.Duration `default:"8s" help:"The server's idle timeout."`
}

// lateHandshake is the server's handshake timeout.
const lateHandshake = 12 * time.Second

func (b *lateCommand) Run(ctx context.Context) error {
	ctx = b.within(ctx)
	if b.Short {
		b.Conns, b.Idle = 100, hastyIdle
	}
	set := setup{Program: "held", Loops: 1, Limits: server.Limits{Limits: conn.Limits{IdleTimeout: b.Idle}, HandshakeTimeout: lateHandshake}}
	if b.Break {
		set.Faulty = "hasty"
	}
	v := new(verdict)
	var figures []string
	try := func(what string, f func(context.Context, *verdict, *process) (int, error)) error {
		return withServer(ctx, v, set, func(p *process) error {
			kept, err := f(ctx, v, p)
			v.expect(kept == b.Conns, "%s: %d of %d kept", what, kept, b.Conns)
			figures = append(figures, fmt.Sprintf("%s %d", what, kept))
			return err
		})
	}
	err := errors.Join(
		try("pongs while stopped", func(ctx context.Context, v *verdict, p *process) (int, error) { return b.answer(ctx, v, p, b.stop) }),
		try("pongs while held", func(ctx context.Context, v *verdict, p *process) (int, error) { return b.answer(ctx, v, p, b.hold) }),
	)
	if b.Upgrade == "" { // otherwise net/http reads requests
		err = errors.Join(err, try("handshakes while stopped", func(ctx context.Context, v *verdict, p *process) (int, error) { return b.ask(ctx, v, p, "") }))
		set.Proxied = true
		err = errors.Join(err, try("handshakes behind a PROXY header", func(ctx context.Context, v *verdict, p *process) (int, error) { return b.ask(ctx, v, p, announcement) }))
	}
	if err != nil {
		return err
	}
	return v.finish("%s of %d each", strings.Join(figures, ", "), b.Conns)
}

// answer has all clients answer their ping in time while the server is kept from its work
// until their idle timeout is over, and returns how many echo afterwards.
func (b *lateCommand) answer(ctx context.Context, v *verdict, p *process, keep func(context.Context, *process, time.Duration) (func() error, error)) (kept int, err error) {
	clients, err := openAll(ctx, p.addr, b.Conns)
	defer closeAll(clients)
	if err != nil {
		return 0, err
	}
	end := time.Now().Add(b.Idle)
	if err := each(ctx, b.Conns, b.Conns, func(_ context.Context, i int) error {
		opcode, _, err := clients[i].receive()
		v.expect(err == nil && opcode == wire.Ping, "connection %d got no ping but opcode %#x, %v", i, opcode, err)
		return nil
	}); err != nil {
		return 0, err
	}
	release, err := keep(ctx, p, time.Until(end)+time.Second)
	if err != nil {
		return 0, err
	}
	for _, c := range clients {
		_ = c.send(wire.Pong, nil) // that it was cut shows below
	}
	sleep(ctx, time.Until(end)+time.Second)
	if err := release(); err != nil {
		return 0, err
	}
	return b.count(ctx, func(i int) error { return clients[i].echo([]byte("still here")) })
}

// count is for how many clients f succeeds.
func (b *lateCommand) count(ctx context.Context, f func(i int) error) (kept int, err error) {
	var mu sync.Mutex
	err = each(ctx, b.Conns, b.Conns, func(_ context.Context, i int) error {
		if f(i) == nil {
			mu.Lock()
			kept++
			mu.Unlock()
		}
		return nil
	})
	return kept, err
}

// stop stops the server's process.
func (b *lateCommand) stop(_ context.Context, p *process, _ time.Duration) (release func() error, err error) {
	return func() error { return syscall.Kill(p.Pid(), syscall.SIGCONT) }, syscall.Kill(p.Pid(), syscall.SIGSTOP)
}

// hold has a callback hold the server's loop for so long.
func (b *lateCommand) hold(ctx context.Context, p *process, d time.Duration) (release func() error, err error) {
	c, err := open(ctx, p.addr, "/")
	if err != nil {
		return nil, err
	}
	if err := c.send(wire.Text, []byte("hold "+d.String())); err != nil {
		return nil, errors.Join(err, c.Close())
	}
	sleep(ctx, 200*time.Millisecond) // what a callback says first leaves when it has returned
	return c.Close, nil
}

// ask stops the server's process until the time of all connected clients is over. Meanwhile the clients send
// their whole handshake. It returns how many are accepted.
func (b *lateCommand) ask(ctx context.Context, v *verdict, p *process, header string) (kept int, err error) {
	clients := make([]*client, b.Conns)
	defer func() { closeAll(clients) }()
	err = each(ctx, b.Conns, 16, func(ctx context.Context, i int) (err error) {
		clients[i], err = connectTCP(ctx, netip.Addr{}, p.addr)
		return err
	})
	if err != nil {
		return 0, err
	}
	end := time.Now().Add(lateHandshake)
	if !b.Break { // all are to be accepted
		in, err := eventually(ctx, lateHandshake/2, func() (bool, error) {
			s, err := p.glance()
			return s.Timers == b.Conns, err
		})
		v.expect(in, "not all clients were taken in")
		if err != nil {
			return 0, err
		}
	}
	release, err := b.stop(ctx, p, 0)
	if err != nil {
		return 0, err
	}
	released := time.AfterFunc(time.Until(end)+time.Second/2, func() { _ = release() })
	defer released.Stop()
	return b.count(ctx, func(i int) error {
		c := clients[i]
		if _, err := io.WriteString(c.tcp, header); err != nil {
			return err
		}
		if b.TLS {
			if err := c.shake(); err != nil {
				return err
			}
		}
		if err := c.handshake(p.addr, "/"); err != nil {
			return err
		}
		return c.echo([]byte("let in"))
	})
}

// announcement is the header of a proxy.
const announcement = "PROXY TCP4 192.0.2.1 198.51.100.2 56789 443\r\n"

// holdWhereAsked has a message of "hold" and a time hold the loop for that.
func holdWhereAsked(srv *server.Server, _ *counters) {
	srv.OnMessage = func(c *conn.Conn, m conn.Message) {
		time.Sleep(holdOf(m.Payload))
		echo(c, m)
	}
}

// holdOf is how long a message is to hold the loop.
func holdOf(message []byte) time.Duration {
	asked, _ := strings.CutPrefix(string(message), "hold ")
	d, _ := time.ParseDuration(asked) // 0 for one that does not ask
	return d
}

// hastyIdle is the idle timeout of a server whose timers do not look.
const hastyIdle = 8 * time.Second

// hastyLoop is what that has for an event loop.
var hastyLoop sync.Mutex

// hasten echoes until a timer ends the connection: one for the request and, from each frame
// on, one for the next, whether that has come or not.
func (f *faultyServer) hasten(c net.Conn) {
	defer c.Close()
	end := time.AfterFunc(lateHandshake, func() { c.Close() })
	defer end.Stop()
	in := bufio.NewReaderSize(c, 256)
	for line := ""; line != "\r\n"; {
		var err error
		if line, err = in.ReadString('\n'); err != nil {
			return
		}
	}
	if _, err := io.WriteString(c, faultyAccept); err != nil {
		return
	}
	ping := time.AfterFunc(hastyIdle/2, func() { _, _ = c.Write([]byte{0x80 | wire.Ping, 0}) })
	defer ping.Stop()
	for {
		end.Reset(hastyIdle)
		opcode, payload, err := f.readFrame(in)
		if err != nil {
			return
		}
		hastyLoop.Lock()
		time.Sleep(holdOf(payload))
		hastyLoop.Unlock()
		if opcode == wire.Text {
			_, _ = c.Write(append([]byte{0x80 | opcode, byte(len(payload))}, payload...))
		}
	}
}
