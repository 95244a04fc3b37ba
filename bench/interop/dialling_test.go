package interop

import (
	"context"
	"crypto/tls"
	"fmt"
	"log/slog"
	"net"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/framerail/framerail/bench/internal/wire"
	"github.com/framerail/framerail/bench/peers"
	framerail "github.com/framerail/framerail/client"
	"github.com/framerail/framerail/conn"
	"github.com/framerail/framerail/frame"
)

// dialled is a connection of framerail's client to a server of another library's, as a session.
type dialled struct {
	*conn.Conn
	messages chan conn.Message
	pongs    chan string
	end      chan conn.CloseInfo
	info     conn.CloseInfo
}

// dialFramerail connects to a server with framerail's client, which ends with the test.
func dialFramerail(t *testing.T, url string, deflate framerail.Deflate) *dialled {
	t.Helper()
	d := &dialled{messages: make(chan conn.Message, 100), pongs: make(chan string, 1), end: make(chan conn.CloseInfo, 1)}
	c := &framerail.Client{
		Deflate: deflate, TLSConfig: &tls.Config{InsecureSkipVerify: true}, Logger: slog.New(slog.DiscardHandler),
		Limits: framerail.Limits{Limits: conn.Limits{MaxMessageSize: maxMessage, MaxPending: 2 * maxMessage, DeflateThreshold: -1}, HandshakeTimeout: patience},
		OnMessage: func(_ *conn.Conn, m conn.Message) {
			m.Payload = append([]byte(nil), m.Payload...)
			d.messages <- m
		},
		OnPong:  func(_ *conn.Conn, p []byte) { d.pongs <- string(p) },
		OnClose: func(_ *conn.Conn, i conn.CloseInfo) { d.end <- i },
	}
	t.Cleanup(func() { _ = c.Close() })
	var err error
	if d.Conn, err = c.Dial(t.Context(), url); err != nil {
		t.Fatal(err)
	}
	return d
}

func (d *dialled) send(opcode byte, payload []byte) error {
	return d.Send(conn.MessageType(opcode), payload)
}

func (d *dialled) sendFragments(opcode byte, payload []byte) error {
	w, err := d.NewWriter(conn.MessageType(opcode))
	if err != nil {
		return err
	}
	for len(payload) > 0 {
		n := min(len(payload), 1000)
		if _, err := w.Write(payload[:n]); err != nil {
			return err
		}
		if err := w.Flush(); err != nil {
			return err
		}
		payload = payload[n:]
	}
	return w.Close()
}

func (d *dialled) receive() (byte, []byte, error) {
	select {
	case m := <-d.messages:
		return byte(m.Type), m.Payload, nil
	case d.info = <-d.end:
		return 0, nil, fmt.Errorf("it ended: %v", d.info)
	case <-time.After(patience):
		return 0, nil, os.ErrDeadlineExceeded
	}
}

func (d *dialled) ping(payload string) (<-chan string, error) {
	return d.pongs, d.Ping([]byte(payload))
}

func (d *dialled) close(code int, reason string) error {
	if err := d.Close(frame.CloseCode(code), reason); err != nil {
		return err
	}
	select {
	case d.info = <-d.end:
		return nil
	case <-time.After(patience):
		return os.ErrDeadlineExceeded
	}
}

func (d *dialled) closed() (int, string) { return int(d.info.Received), d.info.Reason }

func (d *dialled) cut() {}

// converse has a server that echoes do so.
func converse(t *testing.T, d *dialled, sizes []int) {
	t.Helper()
	for _, size := range sizes {
		for _, message := range []struct {
			opcode  byte
			payload []byte
		}{{wire.Text, text(size)}, {wire.Text, wire.Prose(size, 1)}, {wire.Binary, noise(size)}} {
			if err := exchange(d, d.send, message.opcode, message.payload); err != nil {
				t.Fatalf("%d bytes: %v", size, err)
			}
		}
		if err := exchange(d, d.sendFragments, wire.Text, wire.Prose(size, 2)); err != nil {
			t.Fatalf("%d bytes in fragments: %v", size, err)
		}
	}
	pong, err := d.ping("payload")
	if err != nil {
		t.Fatal(err)
	}
	select {
	case p := <-pong:
		if p != "payload" {
			t.Errorf("a pong with %q", p)
		}
	case <-time.After(patience):
		t.Error("no pong")
	}
}

var diallingSizes = []int{0, 1, 125, 126, 4097, 65535, 65536, 1 << 20}

// serve runs a peer's server until the test ends, and returns its URL.
func serve(t *testing.T, p peers.Peer) (url string) {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s, ended := p.New(), make(chan error, 1)
	go func() { ended <- s.Serve(ln) }()
	t.Cleanup(func() {
		_ = s.Close()
		<-ended
	})
	if p.Secure {
		return "wss://" + ln.Addr().String() + "/"
	}
	return "ws://" + ln.Addr().String() + "/"
}

// framerail's client talks to the servers of other libraries: plain, compressed and over TLS.
func TestDialling_Peers(t *testing.T) {
	for _, all := range [][]peers.Peer{peers.All(), peers.Compressing(), peers.Secure()} {
		for _, p := range peers.InProcess(all) {
			for name, deflate := range map[string]framerail.Deflate{
				"plain":    {},
				"takeover": {Enabled: true, ServerTakeover: true, ClientTakeover: true},
				"alone":    {Enabled: true},
			} {
				if deflate.Enabled && !p.Compresses {
					continue
				}
				t.Run(p.Name+"/"+name, func(t *testing.T) {
					d := dialFramerail(t, serve(t, p), deflate)
					if agreed, ok := d.Deflate(); ok != deflate.Enabled {
						t.Errorf("compression: %v, %v", agreed, ok)
					}
					sizes := diallingSizes
					if p.Library == "nbio" {
						sizes = sizes[1:] // it drops an empty message
					}
					converse(t, d, sizes)
					if err := d.close(4001, "from the client"); err != nil {
						t.Fatal(err)
					}
					// gws closes without an answer.
					if !strings.HasPrefix(p.Name, "gws") && (!d.info.Clean() || d.info.Received != 4001) {
						t.Errorf("it ended with %v", d.info)
					}
				})
			}
		}
	}
}

// serveScript runs a server of another language's, which prints its port, until the test ends.
func serveScript(t *testing.T, cmd *exec.Cmd) (port int) {
	t.Helper()
	cmd.Stderr = os.Stderr
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	stdin, err := cmd.StdinPipe() // whose end tells the server to end
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = stdin.Close()
		_ = cmd.Wait()
	})
	if _, err := fmt.Fscan(stdout, &port); err != nil {
		t.Fatalf("%v does not tell its port: %v", cmd.Args, err)
	}
	return port
}

// converseWithScript talks to a server that echoes, and closes with 4002 when it gets the text
// "close".
func converseWithScript(t *testing.T, port int) {
	t.Helper()
	for name, deflate := range map[string]framerail.Deflate{
		"plain":    {},
		"takeover": {Enabled: true, ServerTakeover: true, ClientTakeover: true},
		"alone":    {Enabled: true},
		"windows":  {Enabled: true, ServerTakeover: true, ClientTakeover: true, ServerWindowBits: 10, ClientWindowBits: 11},
	} {
		t.Run(name, func(t *testing.T) {
			url := fmt.Sprintf("ws://127.0.0.1:%d/", port)
			d := dialFramerail(t, url, deflate)
			if agreed, ok := d.Deflate(); ok != deflate.Enabled {
				t.Errorf("compression: %v, %v", agreed, ok)
			}
			converse(t, d, diallingSizes)
			if err := d.close(4001, "from the client"); err != nil || !d.info.Clean() || d.info.Received != 4001 {
				t.Errorf("it ended with %v, %v", d.info, err)
			}
			d = dialFramerail(t, url, deflate)
			_ = d.send(wire.Text, []byte("close"))
			if _, _, err := d.receive(); err == nil || !d.info.Clean() || d.info.Received != 4002 || d.info.Reason != "from the server" {
				t.Errorf("it ended with %v", d.info)
			}
		})
	}
}

func TestDialling_NPM(t *testing.T) {
	needNPM(t)
	cmd := exec.CommandContext(context.Background(), "node", "server.js")
	cmd.Dir = npmFolder
	converseWithScript(t, serveScript(t, cmd))
}

func TestDialling_Python(t *testing.T) {
	cmd := exec.CommandContext(context.Background(), needPython(t), "testdata/python-websockets/server.py")
	converseWithScript(t, serveScript(t, cmd))
}
