package client

import (
	"bufio"
	"context"
	"crypto"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"net/http"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/framerail/framerail/internal/test/testcert"
	"github.com/framerail/framerail/server"
)

// A callback of TLSConfig that blocks does not keep Dial longer than its context.
func TestTLSConfig_CallbackThatBlocks(t *testing.T) { bothWays(t, testCallbackThatBlocks) }

func testCallbackThatBlocks(t *testing.T) {
	url := startAsking(t, new(server.Server), tls.RequestClientCert)
	own := testcert.Config().Certificates[0]
	for name, set := range map[string]func(config *tls.Config, block func()){
		"Certificates": func(config *tls.Config, block func()) {
			config.Certificates = []tls.Certificate{{Certificate: own.Certificate, PrivateKey: blockingSigner{own.PrivateKey.(crypto.Signer), block}}}
		},
		"Time": func(config *tls.Config, block func()) { config.Time = func() time.Time { block(); return time.Now() } },
		"Rand": func(config *tls.Config, block func()) { config.Rand = blockingRandom(block) },
		"VerifyConnection": func(config *tls.Config, block func()) {
			config.VerifyConnection = func(tls.ConnectionState) error { block(); return nil }
		},
		"VerifyPeerCertificate": func(config *tls.Config, block func()) {
			config.VerifyPeerCertificate = func([][]byte, [][]*x509.Certificate) error { block(); return nil }
		},
		"ClientSessionCache": func(config *tls.Config, block func()) { config.ClientSessionCache = blockingCache(block) },
	} {
		t.Run(name, func(t *testing.T) {
			here, goOn := make(chan struct{}), make(chan struct{})
			release := sync.OnceFunc(func() { close(goOn) })
			defer release()
			config := trust(t).Clone()
			set(config, sync.OnceFunc(func() {
				close(here)
				<-goOn
			}))
			ctx, cancel := context.WithCancel(context.Background())
			go func() {
				<-here
				cancel()
			}()
			late := time.AfterFunc(patience/2, release)
			if _, err := closed(t, &Client{TLSConfig: config}).Dial(ctx, url); !errors.Is(err, context.Canceled) {
				t.Error(err)
			}
			if !late.Stop() {
				t.Error("Dial has waited for it")
			}
		})
	}
}

// blockingSigner is a private key that takes its time.
type blockingSigner struct {
	crypto.Signer
	block func()
}

func (s blockingSigner) Sign(random io.Reader, digest []byte, opts crypto.SignerOpts) ([]byte, error) {
	s.block()
	return s.Signer.Sign(random, digest, opts)
}

// blockingRandom are random bytes that take their time.
type blockingRandom func()

func (r blockingRandom) Read(p []byte) (int, error) { r(); return rand.Read(p) }

// blockingCache has no sessions, and takes its time to say so.
type blockingCache func()

func (c blockingCache) Get(string) (*tls.ClientSessionState, bool) { c(); return nil, false }
func (c blockingCache) Put(string, *tls.ClientSessionState)        {}

// A dialer that returns neither a connection nor an error fails the dial, and does not end the program.
func TestDialContext_ThatReturnsNothing(t *testing.T) { bothWays(t, testDialContextThatReturnsNothing) }

func testDialContextThatReturnsNothing(t *testing.T) {
	needsLoops(t)
	for name, nothing := range map[string]net.Conn{"nil": nil, "a nil pointer": (*net.TCPConn)(nil)} {
		c := closed(t, &Client{DialContext: func(context.Context, string, string) (net.Conn, error) { return nothing, nil }})
		if _, err := c.Dial(soon(t), "ws://server.example/"); !errors.Is(err, errNoConn) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// A dialer that ends its goroutine, as t.FailNow does, ends the dial.
func TestDirect_DialContextThatEndsItsGoroutine(t *testing.T) {
	needsLoops(t)
	c := closed(t, &Client{DialContext: func(context.Context, string, string) (net.Conn, error) {
		runtime.Goexit()
		return nil, nil
	}})
	if _, err := c.Dial(soon(t), "ws://server.example/"); !errors.Is(err, errGoexit) {
		t.Error(err)
	}
}

// A connection of the program's may have no address.
func TestDialContext_ConnectionWithoutAnAddress(t *testing.T) {
	bothWays(t, testConnectionWithoutAnAddress)
}

func testConnectionWithoutAnAddress(t *testing.T) {
	url := start(t, new(server.Server), false)
	for name, addr := range map[string]net.Addr{"nil": nil, "a nil pointer": (*nowhere)(nil)} {
		t.Run(name, func(t *testing.T) {
			in := newInbox()
			c := closed(t, in.in(&Client{DialContext: func(ctx context.Context, network, to string) (net.Conn, error) {
				nc, err := new(net.Dialer).DialContext(ctx, network, to)
				return atNoAddress{nc, addr}, err
			}}))
			ws := mustDial(t, c, url)
			checkEcho(t, ws, in)
			if ws.RemoteAddr().IsValid() {
				t.Error(ws.RemoteAddr())
			}
		})
	}
}

// atNoAddress is a connection whose peer has no address.
type atNoAddress struct {
	net.Conn
	addr net.Addr
}

func (c atNoAddress) RemoteAddr() net.Addr { return c.addr }

// nowhere is an address that can be nothing else than there.
type nowhere struct{ name string }

func (a *nowhere) Network() string { return a.name }
func (a *nowhere) String() string  { return a.name }

// The body of a refusal has its second over a connection without deadlines, too.
func TestDirect_RefusalOverAConnectionWithoutDeadlines(t *testing.T) {
	needsLoops(t)
	c := closed(t, &Client{DialContext: func(context.Context, string, string) (net.Conn, error) {
		near, far := net.Pipe()
		go func() {
			defer far.Close()
			_, _ = http.ReadRequest(bufio.NewReader(far))
			_, _ = io.WriteString(far, "HTTP/1.1 403 Forbidden\r\nContent-Length: 10\r\n\r\nno")
			_, _ = io.Copy(io.Discard, far) // until the client has closed
		}()
		return undated{near}, nil
	}})
	c.HandshakeTimeout = time.Hour
	begun := time.Now()
	if e := refused(t, c, "ws://server.example/"); string(e.Body) != "no" {
		t.Errorf("the body is %q", e.Body)
	}
	if took := time.Since(begun); took > patience/2 {
		t.Errorf("it took %v", took)
	}
}

// undated is a connection without deadlines.
type undated struct{ net.Conn }

func (undated) SetDeadline(time.Time) error      { return errors.ErrUnsupported }
func (undated) SetReadDeadline(time.Time) error  { return errors.ErrUnsupported }
func (undated) SetWriteDeadline(time.Time) error { return errors.ErrUnsupported }
