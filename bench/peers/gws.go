package peers

import (
	"net/http"

	"github.com/lxzan/gws"
)

// newGWS follows "Best Practice" in the README of gws: an Upgrader inside
// net/http, with Recovery, ReadLoop on a goroutine of its own so that the
// request's memory can be collected, WriteMessage and message.Close in
// OnMessage. Two of its settings are left out, both to the good of gws here:
// ParallelEnabled, which starts a goroutine for each message and which its own
// echo example leaves off, and compression, which no client here offers and
// which its own benchmark leaves off. CheckUtf8Enabled stays off, its default,
// of which its documentation says that it performs better.
func newGWS() Server { return gwsWith(gws.PermessageDeflate{}) }

// newGWSTakeover compresses with context takeover both ways, as the client of the
// README's section on proxies does; newGWSAlone is the README's "Best Practice", which
// compresses each message by itself.
func newGWSTakeover() Server {
	return gwsWith(gws.PermessageDeflate{Enabled: true, ServerContextTakeover: true, ClientContextTakeover: true})
}

func newGWSAlone() Server { return gwsWith(gws.PermessageDeflate{Enabled: true}) }

func gwsWith(deflate gws.PermessageDeflate) Server {
	upgrader := gws.NewUpgrader(new(gwsEcho), &gws.ServerOption{
		Recovery:            gws.Recovery,
		ReadMaxPayloadSize:  MaxMessage,
		WriteMaxPayloadSize: MaxMessage,
		PermessageDeflate:   deflate,
	})
	return newHTTPServer(func(w http.ResponseWriter, r *http.Request) {
		socket, err := upgrader.Upgrade(w, r)
		if err != nil {
			return
		}
		go socket.ReadLoop()
	})
}

type gwsEcho struct{ gws.BuiltinEventHandler }

func (*gwsEcho) OnPing(socket *gws.Conn, payload []byte) {
	_ = socket.WritePong(payload)
}

func (*gwsEcho) OnMessage(socket *gws.Conn, message *gws.Message) {
	defer message.Close()
	// gws handles the errors of its own methods: it closes the connection.
	_ = socket.WriteMessage(message.Opcode, message.Bytes())
}
