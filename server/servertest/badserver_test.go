package servertest

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/framerail/framerail/client"
	"github.com/framerail/framerail/conn"
	"github.com/framerail/framerail/frame"
	"github.com/framerail/framerail/internal/handshake"
	"github.com/framerail/framerail/internal/transport"
	"github.com/framerail/framerail/poller"
	"github.com/framerail/framerail/server"
)

// scripted is a server's end of a connection, which does what a script says. Its methods wait for the machine.
type scripted struct {
	*socket
	key string // of the client's request
}

// newScripted is a machine whose server answers each connection by a script. What comes behind the script is read,
// and when the client has ended the connection so does the server.
func newScripted(seed uint64, script func(*scripted)) *Sim {
	srv := &server.Server{Logger: quiet}
	sim := New(seed, srv)
	sim.Go(func() { _ = srv.Close() })
	sim.Settle()
	l := &listener{sim: sim}
	sim.hosts = append(sim.hosts, &host{srv: srv, listener: l, served: server.ErrServerClosed})
	sim.Go(func() {
		for {
			a, err := acceptor{l}.Accept()
			if err != nil {
				return
			}
			sim.Go(func() {
				c := &scripted{socket: a.Below.(*socket)}
				if c.request() {
					script(c)
				}
				c.end()
			})
		}
	})
	return sim
}

// await waits until the socket is ready.
func (c *scripted) await(i poller.Interest) {
	c.sim.wait(waiting{ready: func() bool { return c.readiness()&i != 0 }})
}

// take reads what is there, at least a byte.
func (c *scripted) take(b []byte) (int, error) {
	for {
		c.await(poller.Read)
		if n, err := c.Read(b); err != transport.ErrWouldBlock {
			return n, err
		}
	}
}

// request reads the client's request. It returns false if there is none.
func (c *scripted) request() bool {
	var got bytes.Buffer
	for buf := make([]byte, 1024); !bytes.HasSuffix(got.Bytes(), endOfHead); {
		n, err := c.take(buf)
		if got.Write(buf[:n]); err != nil {
			return false
		}
	}
	r, err := http.ReadRequest(bufio.NewReader(&got))
	if err != nil {
		c.sim.breach("the request on %v: %v", c.socket, err)
		return false
	}
	c.key = r.Header.Get("Sec-WebSocket-Key")
	return true
}

// skip reads so many bytes of frames.
func (c *scripted) skip(n int) {
	for b := make([]byte, n); n > 0; {
		m, err := c.take(b[:n])
		if err != nil {
			return
		}
		n -= m
	}
}

// send sends bytes, all at once if the machine lets it. It returns false if the client has gone.
func (c *scripted) send(s string) bool {
	for b := []byte(s); len(b) > 0; {
		c.await(poller.Write)
		n, err := c.Write([][]byte{b})
		if err != nil && err != transport.ErrWouldBlock {
			return false
		}
		b = b[n:]
	}
	return true
}

// trickle sends bytes one by one.
func (c *scripted) trickle(s string, every time.Duration) {
	for i := range len(s) {
		if !c.send(s[i : i+1]) {
			return
		}
		c.sim.Sleep(every)
	}
}

// reset resets the connection.
func (c *scripted) reset() {
	c.sim.mu.Lock()
	c.socket.reset()
	c.sim.mu.Unlock()
}

// end reads until the client has ended the connection, and closes it. A script may have closed it.
func (c *scripted) end() {
	if c.isClosed {
		return
	}
	for buf := make([]byte, 1024); ; {
		if _, err := c.take(buf); err != nil {
			_ = c.Close()
			return
		}
	}
}

// Parts of what servers send. The client sends one message when its connection opens.
const (
	startOfAnswer = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: "
	sampleKey     = "dGhlIHNhbXBsZSBub25jZQ==" // RFC 6455 1.3
	closeFrame    = "\x88\x02\x03\xe8"

	clientsMessage    = 2 + 4 + len("hello") // bytes, with its masking key
	clientsCloseFrame = 2 + 4 + 2
)

// answer is a good one.
func (c *scripted) answer() string { return startOfAnswer + handshake.Accept(c.key) + "\r\n\r\n" }

// closeInOrder does a closing handshake.
func (c *scripted) closeInOrder() {
	c.send(closeFrame)
	c.skip(clientsMessage + clientsCloseFrame)
	_ = c.Close()
}

// meeting is what a client made of a server.
type meeting struct {
	err  error // of the dial
	got  []string
	info conn.CloseInfo
	ends int
}

// meet has a client dial a server with a script, and checks that nothing is left.
func meet(t *testing.T, seed uint64, faults Faults, script func(*scripted)) (m meeting, sum uint64) {
	t.Helper()
	sim := newScripted(seed, script)
	sim.Faults = faults
	c := &client.Client{
		Transport: sim.Transport(), Logger: quiet,
		OnConnection: func(c *conn.Conn) { _ = c.SendText("hello") },
		OnMessage:    func(_ *conn.Conn, msg conn.Message) { m.got = append(m.got, msg.String()) },
		OnClose:      func(_ *conn.Conn, info conn.CloseInfo) { m.info, m.ends = info, m.ends+1 },
	}
	over := false
	sim.Go(func() {
		_, m.err = c.Dial(context.Background(), "ws://server.test/")
		over = true
	})
	sim.Advance(2 * time.Minute)
	if opened := m.err == nil; !over || opened != (m.ends == 1) {
		t.Errorf("the dial has ended: %v, with %v, and %d connections with it", over, m.err, m.ends)
	}
	for _, e := range sim.fds {
		if e != nil {
			t.Errorf("%v is open", e)
		}
	}
	if n := len(sim.sockets); n > 0 {
		t.Errorf("%d connections are left", n)
	}
	if n := len(sim.strands); n != 2 {
		t.Errorf("%d goroutines, want the client's loop and the one that accepts", n)
	}
	if st := c.Stats(); st.Buffers != 0 || st.BufferBytes != 0 || st.Timers != 0 || st.Pending != 0 {
		t.Errorf("left: %d buffers of %d bytes, %d timers, %d bytes pending", st.Buffers, st.BufferBytes, st.Timers, st.Pending)
	}
	sim.Go(func() { _ = c.Close() })
	_ = sim.hosts.last().listener.Close()
	if err := sim.Close(); err != nil {
		t.Error(err)
	}
	return m, sim.Sum()
}

// What a bad server does ends the dial or the connection, with an error or a close code that names the rule. Nothing
// is left behind, however the network cuts the bytes, and a seed replays exactly.
func TestClient_OfABadServer(t *testing.T) {
	rough := Faults{Cuts: 0.5, ShortReads: 0.3, ShortWrites: 0.3, WouldBlock: 0.1, Spurious: 0.1, Stale: 0.2, Gone: 0.2}
	for name, tc := range badServers {
		t.Run(name, func(t *testing.T) {
			for seed := range uint64(20) {
				faults := Faults{}
				if seed%2 == 1 {
					faults = rough
				}
				m, sum := meet(t, seed, faults, tc.script)
				if _, again := meet(t, seed, faults, tc.script); again != sum {
					t.Errorf("seed %d: sum %x, and then %x", seed, sum, again)
				}
				if tc.dial != nil || tc.dialSays != "" {
					if m.err == nil || tc.dial != nil && !errors.Is(m.err, tc.dial) || !strings.Contains(m.err.Error(), tc.dialSays) {
						t.Errorf("seed %d: the dial ends with %v", seed, m.err)
					}
					continue
				}
				ended := ""
				if m.info.Err != nil {
					ended = m.info.Err.Error()
				}
				if m.err != nil || m.info.Sent != tc.sent || m.info.Received != tc.received || !strings.Contains(ended, tc.says) || (tc.says == "") != (ended == "") {
					t.Errorf("seed %d: %v, %v", seed, m.err, m.info)
				}
				if got := strings.Join(m.got, " "); got != tc.got {
					t.Errorf("seed %d: the messages are %q, want %q", seed, got, tc.got)
				}
			}
		})
	}
}

// badServers are scripts, with what becomes of the dial, or of the connection.
var badServers = map[string]struct {
	script   func(*scripted)
	dial     error
	dialSays string

	sent, received frame.CloseCode
	says           string // the error
	got            string // messages
}{
	"a part of the answer, and nothing more": {
		script: func(c *scripted) { c.send(startOfAnswer) },
		dial:   context.DeadlineExceeded, dialSays: "HandshakeTimeout",
	},
	"an end within the answer": {
		script: func(c *scripted) { c.send(startOfAnswer); _ = c.Close() },
		dial:   io.ErrUnexpectedEOF, dialSays: "the answer",
	},
	"a head without end": {
		script:   func(c *scripted) { c.send(startOfAnswer + "x\r\nX-Long: " + strings.Repeat("x", 40<<10)) },
		dialSays: "the head of the answer has more than",
	},
	"an answer to another key": {
		script: func(c *scripted) { c.send(startOfAnswer + handshake.Accept(sampleKey) + "\r\n\r\n") },
		dial:   handshake.ErrAnswerAccept, dialSays: "Sec-WebSocket-Accept",
	},
	"an answer byte by byte": {
		script: func(c *scripted) { c.trickle(c.answer(), 10*time.Millisecond); c.closeInOrder() },
		sent:   1000, received: 1000,
	},
	"an answer byte by byte, too slowly": {
		script: func(c *scripted) { c.trickle(c.answer(), time.Second) },
		dial:   context.DeadlineExceeded, dialSays: "HandshakeTimeout",
	},
	"a frame in the segment of the answer": {
		script: func(c *scripted) { c.send(c.answer() + "\x81\x02hi"); c.closeInOrder() },
		sent:   1000, received: 1000, got: "hi",
	},
	"the first bytes of a frame in the segment of the answer": {
		script: func(c *scripted) {
			c.send(c.answer() + "\x81\x02h")
			c.sim.Sleep(time.Second)
			c.send("i")
			c.closeInOrder()
		},
		sent: 1000, received: 1000, got: "hi",
	},
	"a reset behind the answer": {
		script:   func(c *scripted) { c.send(c.answer()); c.skip(clientsMessage); c.reset() },
		received: frame.AbnormalClosure, says: syscall.ECONNRESET.Error(),
	},
	"garbage behind the answer": {
		script: func(c *scripted) { c.send(c.answer() + "garbage") },
		sent:   frame.ProtocolError, received: frame.AbnormalClosure, says: "an RSV bit is set",
	},
	"a masked frame": {
		script: func(c *scripted) { c.send(c.answer() + "\x81\x82\x01\x02\x03\x04ik") },
		sent:   frame.ProtocolError, received: frame.AbnormalClosure, says: "a frame from a server is masked (RFC 6455 5.1)",
	},
	"text that is not UTF-8": {
		script: func(c *scripted) { c.send(c.answer() + "\x81\x01\xff") },
		sent:   frame.InvalidFramePayloadData, received: frame.AbnormalClosure, says: "not UTF-8 (RFC 6455 8.1)",
	},
	"an end within a message": {
		script:   func(c *scripted) { c.send(c.answer() + "\x01\x03hal"); c.skip(clientsMessage); _ = c.Close() },
		received: frame.AbnormalClosure, says: "unexpected EOF",
	},
}
