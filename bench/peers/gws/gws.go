// Package gws has servers made with github.com/lxzan/gws.
package gws

import (
	"bytes"
	"net/http"

	"github.com/lxzan/gws"

	"github.com/framerail/framerail/bench/peers/peer"
)

// New follows "Best Practice" in the README of gws: an Upgrader inside net/http, with
// Recovery, ReadLoop on a goroutine of its own so that the request's memory can be
// collected, WriteMessage and message.Close in OnMessage.
//
// ParallelEnabled is left out, to the good of gws: it starts a goroutine for each message,
// and its own echo example leaves it off. CheckUtf8Enabled stays off, its default, of which
// its documentation says that it performs better. Context takeover is that of the README's
// section on proxies; "Best Practice" compresses each message by itself. Broadcasts go
// through its Broadcaster, which frames a message once.
func New(o peer.Options) peer.Server {
	h, options := newHandler(o)
	upgrader := gws.NewUpgrader(h, options)
	return peer.NewHTTPServer(func(w http.ResponseWriter, r *http.Request) {
		socket, err := upgrader.Upgrade(w, r)
		if err != nil {
			return
		}
		go socket.ReadLoop()
	})
}

func newHandler(o peer.Options) (*handler, *gws.ServerOption) {
	return &handler{work: o.Work}, &gws.ServerOption{
		Recovery:            gws.Recovery,
		ReadMaxPayloadSize:  peer.MaxMessage,
		WriteMaxPayloadSize: peer.MaxMessage,
		PermessageDeflate: gws.PermessageDeflate{
			Enabled:               o.Deflate != peer.NoDeflate,
			ServerContextTakeover: o.Deflate == peer.Takeover,
			ClientContextTakeover: o.Deflate == peer.Takeover,
		},
	}
}

type handler struct {
	gws.BuiltinEventHandler
	work peer.Work
	hub  peer.Hub[*gws.Conn]
}

func (h *handler) OnOpen(c *gws.Conn) {
	if h.work == peer.Broadcast {
		h.hub.Add(c)
	}
}

func (h *handler) OnClose(c *gws.Conn, _ error) {
	if h.work == peer.Broadcast {
		h.hub.Remove(c)
	}
}

func (*handler) OnPing(c *gws.Conn, payload []byte) { _ = c.WritePong(payload) }

func (h *handler) OnMessage(c *gws.Conn, message *gws.Message) {
	defer message.Close()
	if h.work == peer.Broadcast {
		b := gws.NewBroadcaster(message.Opcode, bytes.Clone(message.Bytes()))
		h.hub.Each(func(c *gws.Conn) { _ = b.Broadcast(c) })
		_ = b.Close()
		return
	}
	h.work.Take(len(message.Bytes()))
	// gws handles the errors of its own methods: it closes the connection.
	_ = c.WriteMessage(message.Opcode, message.Bytes())
}
