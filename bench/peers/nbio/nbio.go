// Package nbio has servers made with github.com/lesismal/nbio.
package nbio

import (
	"crypto/ecdsa"
	"crypto/x509"
	"encoding/pem"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/lesismal/llib/std/crypto/tls"
	"github.com/lesismal/nbio/logging"
	"github.com/lesismal/nbio/nbhttp"
	"github.com/lesismal/nbio/nbhttp/websocket"

	"github.com/framerail/framerail/bench/peers/peer"
)

// New follows the README of nbio and the servers of go-websocket-benchmark, to which the
// README leads for details: IOModNonBlocking, in which a poller handles all connections,
// ReleaseWebsocketPayload, KeepaliveTime 0, WriteMessage in OnMessage. ServerExecutor runs
// callbacks on the poller's goroutine, where framerail's run too, in place of a pool of
// goroutines; callbacks that may block run in that pool, which is the default. nbio checks
// that text is UTF-8, as framerail does. It compresses each message by itself: it has no
// other way. It has no call that frames a message once for many connections.
func New(o peer.Options) peer.Server { return newServer(o, nbhttp.IOModNonBlocking) }

// NewBlocking has a goroutine for each connection, IOModBlocking: of it the README says that
// it improves the performance where few are online. BlockingModAsyncWrite is off, as in
// go-websocket-benchmark: the goroutine that reads also writes.
func NewBlocking(o peer.Options) peer.Server { return newServer(o, nbhttp.IOModBlocking) }

// NewTLS is New over nbio's own fork of crypto/tls, which its pollers need.
func NewTLS(o peer.Options) peer.Server {
	s := newServer(o, nbhttp.IOModNonBlocking)
	s.secure = true
	return s
}

type server struct {
	mode   int
	work   peer.Work
	secure bool
	hub    peer.Hub[*websocket.Conn]

	upgrader *websocket.Upgrader
	once     sync.Once
	closed   chan struct{}
}

func newServer(o peer.Options, mode int) *server {
	s := &server{mode: mode, work: o.Work, closed: make(chan struct{})}
	u := websocket.NewUpgrader()
	u.KeepaliveTime = 0
	u.BlockingModAsyncWrite = false
	u.MessageLengthLimit = peer.MaxMessage
	u.EnableCompression(o.Deflate != peer.NoDeflate)
	u.OnMessage(s.message)
	if o.Work == peer.Broadcast {
		u.OnOpen(s.hub.Add)
		u.OnClose(func(c *websocket.Conn, _ error) { s.hub.Remove(c) })
	}
	s.upgrader = u
	return s
}

func (s *server) message(c *websocket.Conn, messageType websocket.MessageType, data []byte) {
	if s.work == peer.Broadcast {
		// A connection that fails ends by its own reads.
		s.hub.Each(func(c *websocket.Conn) { _ = c.WriteMessage(messageType, data) })
		return
	}
	s.work.Take(len(data))
	// nbio closes the connection on which a write fails.
	_ = c.WriteMessage(messageType, data)
}

// Serve gives the engine ln in place of a listener that it would make.
func (s *server) Serve(ln net.Listener) error {
	logging.SetLevel(logging.LevelNone)
	config := nbhttp.Config{
		Network:                 "tcp",
		IOMod:                   s.mode,
		ReleaseWebsocketPayload: true,
		MaxLoad:                 1 << 20,
		// A deadline for requests that Upgrade leaves in place: after two minutes every connection would end.
		KeepaliveTime: 24 * time.Hour,
		ReadLimit:     2 * peer.MaxMessage,
		// A message goes out as one frame, and not as one for each 32 KiB.
		MaxWebsocketFramePayloadSize: peer.MaxMessage,
		Handler:                      http.HandlerFunc(s.upgrade),
		Listen:                       func(string, string) (net.Listener, error) { return ln, nil },
	}
	if !s.work.Blocks() {
		config.ServerExecutor = func(f func()) { f() }
	}
	addr := []string{ln.Addr().String()}
	if s.secure {
		cert, err := certificate()
		if err != nil {
			return err
		}
		config.AddrsTLS, config.TLSConfig = addr, &tls.Config{Certificates: []tls.Certificate{cert}}
	} else {
		config.Addrs = addr
	}
	engine := nbhttp.NewEngine(config)
	s.upgrader.Engine = engine
	if err := engine.Start(); err != nil {
		return err
	}
	<-s.closed
	engine.Stop()
	return nil
}

func (s *server) Close() error {
	s.once.Do(func() { close(s.closed) })
	return nil
}

func (s *server) upgrade(w http.ResponseWriter, r *http.Request) {
	c, err := s.upgrader.Upgrade(w, r, nil)
	if err != nil {
		return
	}
	_ = c.SetReadDeadline(time.Time{})
}

// certificate is that of the other servers, in the types of nbio's fork.
func certificate() (tls.Certificate, error) {
	own := peer.SelfSigned().Certificates[0]
	key, err := x509.MarshalECPrivateKey(own.PrivateKey.(*ecdsa.PrivateKey))
	if err != nil {
		return tls.Certificate{}, err
	}
	return tls.X509KeyPair(
		pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: own.Certificate[0]}),
		pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: key}),
	)
}
