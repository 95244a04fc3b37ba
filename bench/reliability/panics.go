//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"

	"github.com/framerail/framerail/bench/internal/wire"
	"github.com/framerail/framerail/conn"
	"github.com/framerail/framerail/server"
)

// panicsCommand makes callbacks panic while other connections echo. Broken, the
// panic is on a goroutine of the program's own, where nothing can contain it.
type panicsCommand struct {
	scale
	way
	Count   int `default:"10000" help:"Panics of each callback, with each Dispatch."`
	Workers int `default:"8" help:"How many at a time."`
}

// panicPaths are the callbacks, each with the frame that brings it about: for those
// without one, the opening or the closing of the connection does.
var panicPaths = map[string]byte{
	"/check": 0, "/open": 0, "/message": wire.Text, "/stream": wire.Text, "/ping": wire.Ping, "/pong": wire.Pong,
	"/drained": wire.Text, "/close": wire.Close,
}

// panicSendBuffer is the kernel's buffer for what the server sends, small enough that
// panicDrained bytes at once are not taken: the callback is for when they are.
const panicSendBuffer, panicDrained = 4 << 10, 64 << 10

func (b *panicsCommand) Run(ctx context.Context) error {
	ctx = b.within(ctx)
	if b.Short {
		b.Count = 50
	}
	v := new(verdict)
	var lives, stacks int64
	for _, dispatch := range b.dispatches() {
		set := setup{Program: either(b.scale, "panic", "crash"), Dispatch: dispatch, SendBuffer: panicSendBuffer, Quiet: b.Break}
		err := withServer(ctx, v, set, func(p *process) error {
			n, s, err := b.panics(ctx, v, p)
			lives += n
			stacks += s
			return err
		})
		if err != nil {
			return err
		}
	}
	return v.finish("%d panics of each of %d callbacks, with each of three Dispatches: closed with 1011 and counted each, %d stacks logged; %d connections echoed beside them",
		b.Count, len(panicPaths), stacks, lives)
}

func (b *panicsCommand) panics(ctx context.Context, v *verdict, p *process) (lives, stacks int64, err error) {
	before, err := p.stats()
	if err != nil {
		return 0, 0, err
	}
	leave := bystanders(ctx, v, p.addr)
	for path, opcode := range panicPaths {
		// Every callback has its turn; a server that is gone is a miss, not an error.
		_ = each(ctx, b.Count, b.Workers, func(ctx context.Context, _ int) error {
			err := onePanic(ctx, p.addr, path, opcode)
			v.expect(err == nil, "%s: %v", path, err)
			return err
		})
	}
	lives = leave()
	after, err := p.settle(ctx, before)
	if err != nil {
		v.miss("the server's account: %v", err)
		return lives, 0, nil
	}
	want := int64(b.Count * len(panicPaths))
	v.expect(after.Panics == want, "%d panics, %d counted", want, after.Panics)
	v.expect(after.Stacks > 0 && after.Stacks < want, "%d stacks of %d panics logged", after.Stacks, want)
	connections := want - int64(b.Count) + lives // those that Check refused never were any
	v.expect(after.Closed == connections, "%d connections, %d close callbacks", connections, after.Closed)
	v.expect(after.Descriptors <= before.Descriptors && after.Goroutines <= before.Goroutines,
		"descriptors: %d before, %d after; goroutines: %d, %d", before.Descriptors, after.Descriptors, before.Goroutines, after.Goroutines)
	return lives, after.Stacks, ctx.Err()
}

// onePanic brings a panic about and wants the connection closed with 1011; where it
// is the close callback's, the connection is closed already, and where it is Check's,
// there is none yet, but an answer with 500.
func onePanic(ctx context.Context, addr, path string, opcode byte) error {
	c, err := connect(ctx, addr)
	if err != nil {
		return err
	}
	defer c.Close()
	err = c.handshake(addr, path)
	if path == "/check" {
		if err == nil || !strings.Contains(err.Error(), "HTTP/1.1 500 ") {
			return fmt.Errorf("a panic in Check: %v", err)
		}
		return nil
	}
	if err != nil {
		return err
	}
	if opcode == wire.Close {
		return c.finish(1000)
	}
	if opcode != 0 {
		if err := c.send(opcode, []byte("now")); err != nil {
			return err
		}
	}
	code, err := c.awaitCode()
	if err != nil {
		return err
	}
	if code != 1011 {
		return fmt.Errorf("closed with %d", code)
	}
	if err := c.send(wire.Close, []byte{0x03, 0xf3}); err != nil {
		return err
	}
	_, err = io.Copy(io.Discard, c.in)
	return err
}

// errMeant is what the callbacks panic with.
var errMeant = errors.New("a panic that is meant")

// panicWhereAsked panics in the callback that the request's path names.
func panicWhereAsked(panics func()) func(*server.Server, *counters) {
	return func(srv *server.Server, n *counters) {
		srv.Check = func(h *server.Handshake) error {
			if path(h.Request, true) == "/check" {
				panics()
			}
			return nil
		}
		srv.OnConnection = func(c *conn.Conn) {
			n.opened.Add(1)
			switch path(c.Request()) {
			case "/open":
				panics()
			case "/message":
				c.OnMessage(func(*conn.Conn, conn.Message) { panics() })
			case "/stream":
				c.OnStream(func(*conn.Conn, *conn.Reader) { panics() })
			case "/ping":
				c.OnPing(func(*conn.Conn, []byte) { panics() })
			case "/pong":
				c.OnPong(func(*conn.Conn, []byte) { panics() })
			case "/drained":
				c.OnMessage(func(c *conn.Conn, _ conn.Message) {
					for c.Pending() == 0 && c.SendBinary(make([]byte, panicDrained)) == nil {
						// TLS writes in pieces, between which a peer may read
					}
				})
				c.OnDrained(func(*conn.Conn) { panics() })
			case "/close":
				c.OnClose(func(*conn.Conn, conn.CloseInfo) {
					n.closed.Add(1)
					panics()
				})
			}
		}
	}
}

func path(r *http.Request, ok bool) string {
	if !ok {
		return ""
	}
	return r.URL.Path
}
