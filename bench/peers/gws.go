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
func newGWS() Server {
	upgrader := gws.NewUpgrader(new(gwsEcho), &gws.ServerOption{
		Recovery:            gws.Recovery,
		ReadMaxPayloadSize:  MaxMessage,
		WriteMaxPayloadSize: MaxMessage,
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
