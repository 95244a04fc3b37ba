package peers

import (
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"runtime"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/framerail/framerail/bench/internal/wire"
	"github.com/framerail/framerail/bench/peers/peer"
)

// start serves one peer on a loopback port until the test ends.
func start(t *testing.T, p Peer) string {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := p.New()
	served := make(chan error, 1)
	go func() { served <- s.Serve(ln) }()
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
		if err := <-served; err != nil {
			t.Errorf("Serve: %v", err)
		}
	})
	return ln.Addr().String()
}

// open starts a peer and connects to it.
func open(t *testing.T, p Peer) net.Conn {
	t.Helper()
	return dial(t, p, start(t, p))
}

// dial connects to a peer, over TLS if it speaks that, with the handshake done.
func dial(t *testing.T, p Peer, addr string) net.Conn {
	t.Helper()
	c, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	if p.Secure {
		c = tls.Client(c, &tls.Config{InsecureSkipVerify: true})
	}
	t.Cleanup(func() { c.Close() })
	if err := c.SetDeadline(time.Now().Add(4 * time.Minute)); err != nil {
		t.Fatal(err)
	}
	if err := wire.Handshake(c, addr, "/"); err != nil {
		t.Fatal(err)
	}
	return c
}

func TestPeersEcho(t *testing.T) {
	for _, p := range InProcess(slices.Concat(All(), Secure(), Upgrading(), Handshaking())) {
		t.Run(p.Name, func(t *testing.T) {
			c := open(t, p)
			for i, size := range []int{0, 1, 125, 126, 1000, 65535, 65536, 1 << 20} {
				if size == 0 && p.Library == "nbio" {
					continue // it drops an empty message
				}
				for _, opcode := range []byte{wire.Text, wire.Binary} {
					if err := echo(c, opcode, wire.Payload(size, i)); err != nil {
						t.Fatalf("%d bytes, opcode %d: %v", size, opcode, err)
					}
				}
			}
		})
	}
}

func TestPeersAnswerPings(t *testing.T) {
	for _, p := range InProcess(All()) {
		t.Run(p.Name, func(t *testing.T) {
			c := open(t, p)
			if err := ping(c); err != nil {
				t.Fatal(err)
			}
		})
	}
}

func TestPeersBroadcast(t *testing.T) {
	for _, p := range InProcess(Broadcasting()) {
		t.Run(p.Name, func(t *testing.T) {
			addr := start(t, p)
			conns := []net.Conn{dial(t, p, addr), dial(t, p, addr), dial(t, p, addr)}
			for _, c := range conns { // until the server knows it
				if err := ping(c); err != nil {
					t.Fatal(err)
				}
			}
			for i := range 5 {
				payload := wire.Payload(100, i)
				if _, err := conns[0].Write(wire.AppendFrame(nil, true, wire.Text, [4]byte{1, 2, 3, 4}, payload)); err != nil {
					t.Fatal(err)
				}
				for j, c := range conns {
					if err := await(c, wire.Text, payload); err != nil {
						t.Fatalf("broadcast %d, connection %d: %v", i, j, err)
					}
				}
			}
		})
	}
}

// TestSleepingPeersServeOthers holds callbacks that sleep to what the row is about: many
// sleep at once.
func TestSleepingPeersServeOthers(t *testing.T) {
	for _, p := range InProcess(Sleeping()) {
		t.Run(p.Name, func(t *testing.T) {
			addr := start(t, p)
			var all sync.WaitGroup
			for range 20 {
				c := dial(t, p, addr)
				all.Go(func() {
					for i := range 3 {
						start := time.Now()
						if err := echo(c, wire.Text, wire.Payload(100, i)); err != nil {
							t.Error(err)
						}
						if took := time.Since(start); took < peer.Nap {
							t.Errorf("an echo after %v", took)
						}
					}
				})
			}
			all.Wait()
		})
	}
}

// A callback that takes long keeps the answer to its message.
func TestOddMessagesKeepTheirCallbacks(t *testing.T) {
	for _, p := range InProcess(append(Stalling(), Computing()...)) {
		t.Run(p.Name, func(t *testing.T) {
			c := open(t, p)
			for i, size := range []int{100, peer.Odd} {
				start := time.Now()
				if err := echo(c, wire.Text, wire.Payload(size, i)); err != nil {
					t.Fatal(err)
				}
				if took := time.Since(start); size == peer.Odd && took < peer.Effort {
					t.Errorf("an echo of %d bytes after %v", size, took)
				}
			}
		})
	}
}

// TestFloorsEcho holds the floors to what they are measured with: without it the figure
// could be that of a server which answers something else.
func TestFloorsEcho(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("they are made of epoll")
	}
	for _, p := range Floors() {
		c := open(t, p)
		for i, size := range []int{0, 1, 20, 125} {
			for _, opcode := range []byte{wire.Text, wire.Binary} {
				if err := echo(c, opcode, wire.Payload(size, i)); err != nil {
					t.Fatalf("%s: %d bytes, opcode %d: %v", p.Name, size, opcode, err)
				}
			}
		}
		two := wire.AppendFrame(nil, true, wire.Text, [4]byte{9, 8, 7, 6}, []byte("one"))
		two = wire.AppendFrame(two, true, wire.Binary, [4]byte{1, 2, 3, 4}, []byte("another"))
		if _, err := c.Write(two); err != nil {
			t.Fatal(err)
		}
		got := make([]byte, len("..one..another"))
		if _, err := io.ReadFull(c, got); err != nil || string(got[2:5])+string(got[7:]) != "oneanother" {
			t.Fatalf("%s: two at once: %q, %v", p.Name, got, err)
		}
	}
}

// echo sends one message and waits for it to come back. The message goes out
// while the echo comes in, since a server that streams may wait for either.
func echo(c net.Conn, opcode byte, payload []byte) error {
	sent := make(chan error, 1)
	go func() {
		_, err := c.Write(wire.AppendFrame(nil, true, opcode, [4]byte{9, 8, 7, 6}, payload))
		sent <- err
	}()
	if err := await(c, opcode, payload); err != nil {
		return err
	}
	return <-sent
}

// ping sends a ping and waits for the pong.
func ping(c net.Conn) error {
	if _, err := c.Write(wire.AppendFrame(nil, true, wire.Ping, [4]byte{1, 2, 3, 4}, []byte("hello"))); err != nil {
		return err
	}
	return await(c, wire.Pong, []byte("hello"))
}

func await(c net.Conn, opcode byte, payload []byte) error {
	var e wire.Echo
	e.Expect(opcode, payload)
	for buf := make([]byte, 64<<10); ; {
		n, err := c.Read(buf)
		if err != nil {
			return fmt.Errorf("waiting for the echo: %w", err)
		}
		if done, err := e.Feed(buf[:n]); done || err != nil {
			return err
		}
	}
}

func TestByNameListsWhatThereIs(t *testing.T) {
	if p, err := ByName("gws"); err != nil || p.Name != "gws" {
		t.Errorf("gws: %v, %v", p.Name, err)
	}
	if _, err := ByName("nobody"); err == nil {
		t.Error("found a peer called nobody")
	}
}
