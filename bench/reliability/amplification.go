//go:build linux

package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"runtime"
	"sync"
	"time"

	"github.com/framerail/framerail/bench/internal/wire"
	"github.com/framerail/framerail/conn"
	"github.com/framerail/framerail/server"
)

// amplificationCommand sends classes of input that are cheap to make, as fast as they
// are taken, and compares what they cost each side. Broken, the program keeps a lot for
// each message.
type amplificationCommand struct {
	scale
	security
	Bytes int64   `default:"40000000" help:"The most to send of each class."`
	Conns int     `default:"4000" help:"Connections, for classes that take one each time."`
	CPU   float64 `default:"100" help:"The most that the server's CPU may be, of the client's. The race detector costs the server alone."`
	Share float64 `default:"0.75" help:"The most of a core that one connection may use with compressed input, which is a thousand times as cheap to send as to inflate: it is bounded in time."`
}

// packedShare is how many times fewer bytes are sent of a class that is compressed.
const packedShare = 200

// amplificationHeap is the most that the server's heap may grow by, of the bytes that
// were sent.
const amplificationHeap = 100

// attackClass is a class of input. Connections stay open.
type attackClass struct {
	name   string
	input  []byte // behind the handshake; or, if bare, in its place
	bare   bool
	below  bool // of TLS: it is sent in its place
	flood  bool // over and over on one connection, not once on each of many
	packed bool // it is compressed
	reads  bool // the client reads the answers
}

func (b *amplificationCommand) Run(ctx context.Context) error {
	ctx = b.within(ctx)
	if b.Short {
		b.Bytes, b.Conns = either[int64](b.scale, 2e6, 3e5), 150
	}
	v := new(verdict)
	dispatches := b.dispatches()
	if b.Short {
		dispatches = dispatches[:1]
	}
	var cpu, heap, share worst
	for _, dispatch := range dispatches {
		for _, class := range b.classes() {
			if b.Break && !bytes.Equal(class.input, oneByteMessage) {
				continue // the broken program minds messages
			}
			// A server of its own for each, so that no class pays for another's.
			set := setup{Program: either(b.scale, "echo", "costly"), Dispatch: dispatch, Deflate: server.Deflate{Enabled: class.packed}}
			err := withServer(ctx, v, set, func(p *process) error {
				name := fmt.Sprintf("%s, dispatch %d", class.name, dispatch)
				c, s, h, err := b.compare(ctx, p, class)
				if err != nil {
					return fmt.Errorf("%s: %w", name, err)
				}
				fmt.Printf("  %-70s CPU %6.2f x, %.2f of a core, heap %6.2f x\n", name, c, s, h)
				v.expect(h <= amplificationHeap, "%s: the heap grew by %.1f times the bytes sent", name, h)
				heap.note(name, h)
				if class.packed {
					v.measure(s <= b.Share, "%s: %.2f of a core", name, s)
					share.note(name, s)
					return nil
				}
				v.measure(c <= b.CPU, "%s: %.1f times the client's CPU", name, c)
				cpu.note(name, c)
				return nil
			})
			if err != nil {
				return err
			}
		}
	}
	return v.finish("%d classes of input, %d places of callbacks; server's CPU at most %.1f times the client's (%s), its heap at most %.1f times the bytes sent (%s), with compressed input at most %.2f of a core (%s); bars: %.0f, %d and %.2f",
		len(b.classes()), len(dispatches), cpu.factor, cpu.name, heap.factor, heap.name, share.factor, share.name, b.CPU, amplificationHeap, b.Share)
}

// worst is the highest figure so far.
type worst struct {
	name   string
	factor float64
}

func (w *worst) note(name string, factor float64) {
	if factor >= w.factor {
		w.name, w.factor = name, factor
	}
}

var oneByteMessage = oneFrame(wire.Text, []byte("x"))

// classes are all of them.
func (b *amplificationCommand) classes() []attackClass {
	classes := attackClasses()
	for _, c := range compressedClasses() {
		if c.says <= 256<<10 {
			classes = append(classes, attackClass{name: "compressed: " + c.name, input: c.input, flood: true, reads: true, packed: true})
		}
	}
	if b.TLS {
		classes = append(classes,
			attackClass{name: "a ClientHello made in advance", input: clientHello(), bare: true, below: true},
			attackClass{name: "half a ClientHello", input: clientHello()[:len(clientHello())/2], bare: true, below: true})
	}
	return classes
}

func attackClasses() []attackClass {
	key := [4]byte{1, 2, 3, 4}
	frame := func(final bool, opcode byte, payload string) []byte {
		return wire.AppendFrame(nil, final, opcode, key, []byte(payload))
	}
	begun := frame(false, wire.Binary, "x")
	return []attackClass{
		{name: "empty messages", input: frame(true, wire.Text, ""), flood: true, reads: true},
		{name: "messages of a byte", input: oneByteMessage, flood: true, reads: true},
		{name: "messages of a byte, answers not read", input: oneByteMessage, flood: true},
		{name: "messages of 250 characters beyond ASCII", input: frame(true, wire.Text, "é€😀é€😀é€😀é€😀é€😀é€😀é€😀é€😀é€😀é€😀"), flood: true, reads: true},
		{name: "pings", input: frame(true, wire.Ping, ""), flood: true, reads: true},
		{name: "pings, pongs not read", input: frame(true, wire.Ping, ""), flood: true},
		{name: "pongs", input: frame(true, wire.Pong, ""), flood: true, reads: true},
		{name: "messages in fragments of a byte", input: append(begun, append(bytes.Repeat(frame(false, wire.Continuation, "x"), 100), frame(true, wire.Continuation, "")...)...), flood: true, reads: true},
		{name: "messages in empty fragments", input: append(frame(false, wire.Binary, ""), append(bytes.Repeat(frame(false, wire.Continuation, ""), 100), frame(true, wire.Continuation, "")...)...), flood: true, reads: true},
		{name: "connections that say nothing", bare: true},
		{name: "requests that are refused", input: []byte(upgrade("Host: again")), bare: true},
		{name: "half a request", input: []byte(upgrade())[:100], bare: true},
		{name: "handshakes alone"},
		{name: "handshakes and a bad frame", input: []byte{0xff}},
		{name: "handshakes and half a large message", input: append([]byte{0x82, 0xfe, 0xff, 0xff, 1, 2, 3, 4}, 'x')},
		{name: "handshakes and a Close", input: frame(true, wire.Close, "")},
	}
}

// compare is how much more the server spends on a class than its client.
// compare also tells how much of a core that was.
func (b *amplificationCommand) compare(ctx context.Context, p *process, class attackClass) (cpu, share, heap float64, err error) {
	if err := oneLife(ctx, p.addr); err != nil {
		return 0, 0, 0, err
	}
	began := time.Now()
	before, err := p.stats()
	if err != nil {
		return 0, 0, 0, err
	}
	// What the account itself costs is not part of it.
	start, err := p.glance()
	if err != nil {
		return 0, 0, 0, err
	}
	own := ownCPU()
	clients, sent, err := b.attack(ctx, p.addr, class)
	defer closeAll(clients)
	if err != nil {
		return 0, 0, 0, err
	}
	// The server may not have read all yet: when it has, it uses no more.
	end, until, asking, err := p.idle(ctx)
	if err != nil {
		return 0, 0, 0, err
	}
	own = ownCPU() - own - asking
	after, err := p.stats()
	if err != nil {
		return 0, 0, 0, err
	}
	share = (end.CPU - start.CPU).Seconds() / until.Sub(began).Seconds()
	cpu = float64(end.CPU-start.CPU) / float64(max(own, time.Millisecond))
	heap = float64(max(0, after.Heap-before.Heap-heapNoise)) / float64(sent)
	return cpu, share, heap, nil
}

// heapNoise is what the heap of a server may differ by for reasons of its own.
const heapNoise = 64 << 10

// idle waits until the server uses hardly any CPU, for longer than it leaves a connection
// unread for what its messages say. It tells since when, and what asking cost this side.
func (p *process) idle(ctx context.Context) (now stats, since time.Time, asking time.Duration, err error) {
	quiet := 0
	_, err = eventually(ctx, 2*patience, func() (bool, error) {
		sleep(ctx, 100*time.Millisecond)
		last := now
		own := ownCPU()
		now, err = p.glance()
		asking += ownCPU() - own
		if quiet++; last.CPU == 0 || now.CPU-last.CPU >= 5*time.Millisecond {
			quiet, since = 0, time.Now()
		}
		return quiet == 5, err
	})
	return now, since, asking, err
}

// attack sends a class, and returns the connections on which it did.
func (b *amplificationCommand) attack(ctx context.Context, addr string, class attackClass) (clients []*client, sent int64, err error) {
	if class.flood {
		start, total := open, b.Bytes
		if class.packed {
			start, total = openDeflating, b.Bytes/packedShare
		}
		c, err := start(ctx, addr, "/")
		if err != nil {
			return nil, 0, err
		}
		sent, err = c.flood(class, total)
		return []*client{c}, sent, err
	}
	request := wire.Request(addr, "/")
	if class.bare {
		request = nil
	}
	input := append(request[:len(request):len(request)], class.input...)
	for range b.Conns {
		start := connectFrom
		if class.below {
			start = connectTCP
		}
		c, err := start(ctx, netip.Addr{}, addr)
		if err != nil {
			return clients, sent, err
		}
		clients = append(clients, c)
		n, err := c.Write(input)
		if err != nil {
			return clients, sent, err
		}
		// A connection costs its client 60 bytes or more in headers alone.
		sent += int64(n) + 60
		if b.TLS && !class.below {
			sent += int64(len(clientHello())) // and more
		}
	}
	return clients, sent, nil
}

// flood sends a class over and over, in large pieces, and for as long as it is taken.
func (c *client) flood(class attackClass, total int64) (sent int64, err error) {
	piece := bytes.Repeat(class.input, max(1, 64<<10/len(class.input)))
	if class.reads {
		go io.Copy(io.Discard, c.Conn)
	}
	for sent < total {
		wait := time.Second
		if class.packed {
			wait = patience // what one write says takes a second or two
		}
		if err := c.SetWriteDeadline(time.Now().Add(wait)); err != nil {
			return sent, err
		}
		n, err := c.Write(piece)
		sent += int64(n)
		if timedOut(err) && !class.reads {
			return sent, nil // the server does not read from a client that does not read
		}
		if err != nil {
			return sent, errors.Join(err, c.extend(patience))
		}
	}
	return sent, c.extend(patience)
}

// openDeflating is open for a connection that agrees on compression.
func openDeflating(ctx context.Context, addr, path string) (*client, error) {
	c, err := connect(ctx, addr)
	if err != nil {
		return nil, err
	}
	if _, err := wire.HandshakeOffering(c.Conn, addr, path, wire.Offer); err != nil {
		return nil, errors.Join(err, c.Close())
	}
	return c, nil
}

// costly is broken: it keeps a lot for each message.
func costly(srv *server.Server, n *counters) {
	var mu sync.Mutex
	var kept [][]byte
	srv.OnMessage = func(c *conn.Conn, m conn.Message) {
		mu.Lock()
		kept = append(kept, make([]byte, 2<<10))
		mu.Unlock()
		echo(c, m)
	}
	srv.OnClose = func(*conn.Conn, conn.CloseInfo) {
		n.closed.Add(1)
		runtime.KeepAlive(kept)
	}
}
