// Package centrifuge has a server that broadcasts by github.com/centrifugal/centrifuge.
package centrifuge

import (
	"context"
	"errors"
	"net/http"
	"sync"
	"sync/atomic"

	"github.com/centrifugal/centrifuge"
	"github.com/gorilla/websocket"

	"github.com/framerail/framerail/bench/peers/peer"
)

// channel is what all clients are subscribed to.
const channel = "all"

// New follows centrifuge's example of a unidirectional WebSocket, whose clients need not know its protocol: a
// Transport of the program's over gorilla/websocket, and subscriptions that the server makes. Its hub, its
// queues and its writers are used as they are, with the broker in memory. The transport sends what was
// published alone, without centrifuge's envelope of about 15 bytes, so that clients get what they sent.
func New(peer.Options) peer.Server {
	s := &server{}
	node, err := centrifuge.New(centrifuge.Config{})
	if err == nil {
		node.OnConnecting(subscribe)
		err = node.Run()
	}
	s.node = node
	upgrader := websocket.Upgrader{ReadBufferSize: 1024, WriteBufferPool: new(sync.Pool)}
	return peer.NewHTTPServer(func(w http.ResponseWriter, r *http.Request) {
		if err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		if c, err := upgrader.Upgrade(w, r, nil); err == nil {
			c.SetReadLimit(peer.MaxMessage)
			go s.serve(c)
		}
	})
}

func subscribe(context.Context, centrifuge.ConnectEvent) (centrifuge.ConnectReply, error) {
	return centrifuge.ConnectReply{
		Credentials:   &centrifuge.Credentials{},
		Subscriptions: map[string]centrifuge.SubscribeOptions{channel: {}},
	}, nil
}

type server struct {
	node *centrifuge.Node
	size atomic.Int64 // of the last message
}

func (s *server) serve(c *websocket.Conn) {
	defer c.Close()
	t := &transport{server: s, conn: c}
	client, done, err := centrifuge.NewClient(context.Background(), s.node, t)
	if err != nil {
		return
	}
	defer func() { _ = done() }()
	client.Connect(centrifuge.ConnectRequest{})
	for {
		_, p, err := c.ReadMessage()
		if err != nil {
			return
		}
		s.size.Store(int64(len(p)))
		if _, err := s.node.Publish(channel, p); err != nil {
			return
		}
	}
}

// transport is a centrifuge.Transport. Centrifuge writes from one goroutine.
type transport struct {
	server    *server
	conn      *websocket.Conn
	connected bool // the first write has come: it tells the client that it is connected
}

func (*transport) Name() string                                  { return "websocket" }
func (*transport) AcceptProtocol() string                        { return "h1" }
func (*transport) Protocol() centrifuge.ProtocolType             { return centrifuge.ProtocolTypeProtobuf }
func (*transport) ProtocolVersion() centrifuge.ProtocolVersion   { return centrifuge.ProtocolVersion2 }
func (*transport) Unidirectional() bool                          { return true }
func (*transport) Emulation() bool                               { return false }
func (*transport) DisabledPushFlags() uint64                     { return centrifuge.PushFlagDisconnect }
func (*transport) PingPongConfig() (c centrifuge.PingPongConfig) { c.PingInterval = -1; return c }
func (t *transport) Close(centrifuge.Disconnect) error           { return t.conn.Close() }

var errShort = errors.New("a push is shorter than what was published")

// Write implements centrifuge.Transport. What was published is the end of a push.
func (t *transport) Write(push []byte) error {
	if !t.connected {
		t.connected = true
		return nil
	}
	n := int(t.server.size.Load())
	if n > len(push) {
		return errShort
	}
	return t.conn.WriteMessage(websocket.TextMessage, push[len(push)-n:])
}

// WriteMany implements centrifuge.Transport.
func (t *transport) WriteMany(pushes ...[]byte) error {
	for _, push := range pushes {
		if err := t.Write(push); err != nil {
			return err
		}
	}
	return nil
}
