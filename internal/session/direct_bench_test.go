//go:build unix

package session

import (
	"fmt"
	"net"
	"net/netip"
	"strings"
	"testing"

	"github.com/framerail/framerail/frame"
	"github.com/framerail/framerail/internal/socket"
	"github.com/framerail/framerail/internal/transport"
)

// BenchmarkSendDirect is what directWrite stands on: a turn in which messages are
// sent over loopback, each by a system call of its own and uncopied, or all copied
// together and written at once. Compare the two ways within one run.
func BenchmarkSendDirect(b *testing.B) {
	for _, burst := range []int{1, 4} {
		for _, size := range []int{4 << 10, 16 << 10, 64 << 10, 128 << 10} {
			for _, way := range []string{"copied", "direct"} {
				b.Run(fmt.Sprintf("size=%d/burst=%d/%s", size, burst, way), func(b *testing.B) {
					benchmarkSend(b, size, burst, way == "direct")
				})
			}
		}
	}
}

func benchmarkSend(b *testing.B, size, burst int, direct bool) {
	local, remote := loopback(b)
	cfg := Config{Handlers: Handlers{}, MaxPending: 16 << 20}.WithDefaults()
	r := &rig{t: b, scheduled: make(chan *Driver, 1000), d: new(Driver)}
	r.loop, r.policy = NewLoop(r), NewPolicy(&cfg)
	r.c = &r.d.Conn
	r.d.Init(r.loop, r.policy, 1, local, peerAddr)
	r.d.Open(Opening{})
	c, payload, in := r.c, make([]byte, size), make([]byte, 1<<20)
	h := frame.Header{Fin: true, Opcode: Binary}
	// Another connection, so that the kernel's buffers are not as well aligned as
	// only those of a lonely one are: its copying costs twice as much then.
	other, unread := loopback(b)
	turn := 0
	b.SetBytes(int64(size * burst))
	b.ReportAllocs()
	for b.Loop() {
		turn++
		_, _ = other.Write([][]byte{in[:1+turn*37%61]})
		if turn%5 == 0 {
			_, _ = unread.Read(in[:20])
		}
		c.mu.Lock()
		for range burst {
			if direct {
				_ = c.writeThrough(c.out(), h, payload)
			} else {
				c.enqueue(&c.out().main, h, payload)
			}
		}
		c.flush()
		c.mu.Unlock()
		for left := burst * c.frameSize(size); left > 0; {
			n, err := remote.Read(in)
			if err != nil && err != transport.ErrWouldBlock {
				b.Fatal(err)
			}
			left -= n
			if c.tx != nil {
				r.d.Writable()
			}
		}
	}
	r.d.Abort(nil)
}

// fd is a connected socket as a transport.
type fd int

func (f fd) Read(b []byte) (int, error) { return wouldBlock(socket.Read(int(f), b)) }
func (f fd) Write(bufs [][]byte) (int, error) {
	if len(bufs) == 1 {
		return wouldBlock(socket.Write(int(f), bufs[0]))
	}
	return wouldBlock(socket.Writev(int(f), bufs))
}
func (f fd) CloseWrite() error         { return socket.CloseWrite(int(f)) }
func (f fd) Close() error              { return nil } // the net.Conn does
func (f fd) LocalAddr() netip.AddrPort { return socket.LocalAddr(int(f)) }

func wouldBlock(n int, err error) (int, error) {
	if err == socket.ErrWouldBlock {
		err = transport.ErrWouldBlock
	}
	return n, err
}

// loopback is the two ends of a TCP connection.
func loopback(b *testing.B) (local, remote fd) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	defer ln.Close()
	dialled, err := net.Dial("tcp", ln.Addr().String())
	if err != nil {
		b.Fatal(err)
	}
	accepted, err := ln.Accept()
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { dialled.Close(); accepted.Close() })
	return nonBlocking(b, accepted), nonBlocking(b, dialled)
}

// nonBlocking is the descriptor that c holds, and goes on holding.
func nonBlocking(b *testing.B, c net.Conn) (n fd) {
	raw, err := c.(*net.TCPConn).SyscallConn()
	if err == nil {
		err = raw.Control(func(p uintptr) { n = fd(p) })
	}
	if err != nil {
		b.Fatal(err)
	}
	return n
}

// BenchmarkReadLong is what reading_place.go stands on: long messages over loopback, read on behind
// their first piece in the loop's buffer, or assembled in a buffer of their own from there on.
func BenchmarkReadLong(b *testing.B) {
	for _, size := range []int{64 << 10, 128 << 10, 256 << 10, 1 << 20} {
		for _, way := range []string{"placed", "assembled"} {
			b.Run(fmt.Sprintf("size=%d/%s", size, way), func(b *testing.B) {
				benchmarkRead(b, size, way == "placed")
			})
		}
	}
}

func benchmarkRead(b *testing.B, size int, placed bool) {
	local, remote := loopback(b)
	came := 0
	cfg := Config{MessagesPerSecond: -1, MaxMessageSize: 1 << 20, Handlers: Handlers{Message: func(_ *Conn, m Message) { came += len(m.Payload) }}}.WithDefaults()
	r := &rig{t: b, scheduled: make(chan *Driver, 1000), d: new(Driver)}
	r.loop, r.policy = NewLoop(r), NewPolicy(&cfg)
	r.loop.Take()
	if !placed {
		r.loop.longReads = 0
	}
	r.c = &r.d.Conn
	r.d.Init(r.loop, r.policy, 1, local, peerAddr)
	r.d.Open(Opening{})
	message := peer(frame.Binary, true, strings.Repeat("x", size))
	b.SetBytes(int64(size))
	b.ReportAllocs()
	for b.Loop() {
		came = 0
		for left := message; came < size; {
			if len(left) > 0 {
				n, err := remote.Write([][]byte{left})
				if err != nil && err != transport.ErrWouldBlock {
					b.Fatal(err)
				}
				left = left[n:]
			}
			r.d.Readable()
		}
	}
	r.d.Abort(nil)
}
