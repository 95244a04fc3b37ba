//go:build linux

package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// stalledCommand takes every place of a server with a Handler by requests that stand still:
// half of the clients do not read their answer, half do not send the content they have
// promised. Beside them two go on slowly, and are to be let. Broken, nothing may stand still
// for too long.
type stalledCommand struct {
	scale
	security
	Conns   int           `default:"160" help:"Clients that stand still."`
	Timeout time.Duration `default:"5s" help:"WriteTimeout and BodyTimeout."`
	Slack   time.Duration `default:"1s" help:"How late a connection may be cut, besides a quarter of the timeout."`
}

// stalledClosing is the server's CloseTimeout, in which a shutdown is done with them.
const stalledClosing = time.Second

// stalledAnswer is larger than the sockets' buffers, the server's of stalledBuffer and the
// client's. A slow client reads stalledSlice of it at a time.
const stalledAnswer, stalledBuffer, stalledSlice = 64 << 20, 64 << 10, 1 << 20

func (b *stalledCommand) Run(ctx context.Context) error {
	ctx = b.within(ctx)
	if b.Short {
		b.Conns, b.Timeout = 16, 6*time.Second
	}
	v := new(verdict)
	figure, err := b.run(ctx, v)
	if err != nil {
		return err
	}
	return v.finish("%s", figure)
}

func (b *stalledCommand) run(ctx context.Context, v *verdict) (figure string, err error) {
	srv := newLocal(ctx)
	srv.MaxConnections = b.Conns + 2
	srv.TCP.SendBuffer = stalledBuffer // one that grows goes on taking for seconds
	srv.WriteTimeout = either(b.scale, b.Timeout, time.Hour)
	srv.BodyTimeout, srv.CloseTimeout = srv.WriteTimeout, either(b.scale, stalledClosing, time.Hour)
	mux, answer := http.NewServeMux(), bytes.Repeat([]byte("unread  "), stalledAnswer/8)
	mux.HandleFunc("GET /answer", func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(answer) })
	mux.HandleFunc("POST /content", func(_ http.ResponseWriter, r *http.Request) { _, _ = io.Copy(io.Discard, r.Body) })
	srv.Handler = mux
	if err := srv.Start(); err != nil {
		return "", err
	}
	defer srv.Close()

	var group sync.WaitGroup
	slow, over := context.WithCancel(ctx)
	for _, goOn := range []func(context.Context, string) error{b.readSlowly, b.sendSlowly} {
		group.Go(func() {
			err := goOn(slow, srv.address())
			v.expect(err == nil, "a client that goes on: %v", err)
		})
	}
	lives, err := b.stall(ctx, v, srv)
	over()
	group.Wait()
	if err != nil {
		return "", err
	}
	shortest, longest := slices.Min(lives), slices.Max(lives)
	v.expect(shortest >= b.Timeout-100*time.Millisecond && longest <= b.Timeout+b.Timeout/4+b.Slack,
		"clients that stand still lived for %v to %v, with a timeout of %v", shortest, longest, b.Timeout)
	free, err := eventually(ctx, b.Slack, func() (bool, error) { return oneLife(ctx, srv.address()) == nil, nil })
	v.expect(free && err == nil, "no place is free for a client that is well: %v", err)
	took, err := b.shutdown(ctx, v, srv)
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("%d clients cut after %.2f to %.2f s of %v, two that went on kept; then a place was free; Shutdown with as many took %.2f s of %v",
		len(lives), shortest.Seconds(), longest.Seconds(), b.Timeout, took.Seconds(), stalledClosing), nil
}

// stall takes all places, and returns how long each client was let stand still.
func (b *stalledCommand) stall(ctx context.Context, v *verdict, srv *local) ([]time.Duration, error) {
	lives := make([]time.Duration, b.Conns)
	err := each(ctx, b.Conns, b.Conns, func(ctx context.Context, i int) error {
		start := time.Now()
		c, err := b.begin(ctx, srv.address(), i)
		if err != nil {
			return err
		}
		defer c.Close()
		// A client that does not read sees only a reset when it is cut.
		ended, err := eventually(ctx, b.Timeout+b.Timeout/4+b.Slack, func() (bool, error) { return c.isGone(i) })
		lives[i] = time.Since(start)
		v.expect(ended && err == nil, "client %d stands still after %v: %v", i, lives[i], err)
		return nil
	})
	return lives, err
}

// begin is a client that stands still from now on.
func (b *stalledCommand) begin(ctx context.Context, addr string, i int) (*client, error) {
	c, err := connect(ctx, addr)
	if err != nil {
		return nil, err
	}
	request := "GET /answer HTTP/1.1\r\nHost: a\r\n\r\n"
	if i%2 > 0 {
		request = "POST /content HTTP/1.1\r\nHost: a\r\nContent-Length: 1000\r\n\r\nno more"
	}
	_, err = io.WriteString(c, request)
	return c, err
}

// isGone reports whether the server has closed a client's connection. A client that does not read learns
// that only from a reset.
func (c *client) isGone(i int) (bool, error) {
	if i%2 == 0 {
		return hasReset(c.tcp)
	}
	if err := c.SetReadDeadline(time.Now().Add(50 * time.Millisecond)); err != nil {
		return false, err
	}
	_, err := io.Copy(io.Discard, c.in)
	return !timedOut(err), nil
}

// hasReset tells whether the other end has reset a connection, without reading from it.
func hasReset(c *net.TCPConn) (reset bool, err error) {
	raw, err := c.SyscallConn()
	if err != nil {
		return false, err
	}
	err = controlling(raw, func(fd int) error {
		info, err := unix.GetsockoptTCPInfo(fd, unix.IPPROTO_TCP, unix.TCP_INFO)
		reset = err == nil && info.State == unix.BPF_TCP_CLOSE
		return err
	})
	return reset, err
}

// readSlowly reads an answer, but with long pauses.
func (b *stalledCommand) readSlowly(ctx context.Context, addr string) error {
	c, err := b.begin(ctx, addr, 0)
	if err != nil {
		return err
	}
	defer c.Close()
	for ; ctx.Err() == nil; sleep(ctx, b.Timeout/8) {
		if err := c.extend(patience); err != nil {
			return err
		}
		if _, err := io.CopyN(io.Discard, c.in, stalledSlice); err != nil {
			return fmt.Errorf("reading slowly: %w", err)
		}
	}
	return nil
}

// sendSlowly sends content, but with long pauses.
func (b *stalledCommand) sendSlowly(ctx context.Context, addr string) error {
	c, err := b.begin(ctx, addr, 1)
	if err != nil {
		return err
	}
	defer c.Close()
	for rest := 1000 - len("no more"); ctx.Err() == nil && rest > 1; rest-- {
		if _, err := io.WriteString(c, "x"); err != nil {
			return fmt.Errorf("sending slowly: %w", err)
		}
		sleep(ctx, b.Timeout/8)
	}
	return nil
}

// shutdown shuts the server down while all stand still, and returns how long that took.
func (b *stalledCommand) shutdown(ctx context.Context, v *verdict, srv *local) (time.Duration, error) {
	before := srv.Stats().HandedOver
	var clients []*client
	defer func() { closeAll(clients) }()
	for i := range b.Conns {
		c, err := b.begin(ctx, srv.address(), i)
		if err != nil {
			return 0, err
		}
		clients = append(clients, c)
	}
	if there, err := eventually(ctx, patience, func() (bool, error) {
		return srv.Stats().HandedOver >= before+uint64(b.Conns), nil
	}); !there {
		return 0, errors.Join(errors.New("not all requests have come"), err)
	}
	start := time.Now()
	until, cancel := context.WithTimeout(ctx, stalledClosing*2+b.Slack)
	defer cancel()
	_, err := srv.Shutdown(until)
	v.expect(err == nil, "Shutdown: %v", err)
	return time.Since(start), nil
}
