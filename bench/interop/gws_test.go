package interop

import (
	"bytes"
	"errors"
	"time"

	"github.com/lxzan/gws"
)

// gwsSession reads on a goroutine of its own, as gws does, into a channel.
type gwsSession struct {
	gws.BuiltinEventHandler
	socket   *gws.Conn
	messages chan gwsMessage
	pongs    chan string
	end      chan struct{} // closed once why is set
	why      error
}

type gwsMessage struct {
	opcode  byte
	payload []byte
}

func dialGWS(url string) (session, error) { return dialGWSWith(url, gws.PermessageDeflate{}) }

func dialGWSTakeover(url string) (session, error) {
	return dialGWSWith(url, gws.PermessageDeflate{Enabled: true, Threshold: 1, ServerContextTakeover: true, ClientContextTakeover: true})
}

func dialGWSAlone(url string) (session, error) {
	return dialGWSWith(url, gws.PermessageDeflate{Enabled: true, Threshold: 1})
}

func dialGWSWindows(url string) (session, error) {
	return dialGWSWith(url, gws.PermessageDeflate{Enabled: true, Threshold: 1, ServerContextTakeover: true, ClientContextTakeover: true,
		ServerMaxWindowBits: 10, ClientMaxWindowBits: 11})
}

func dialGWSWith(url string, deflate gws.PermessageDeflate) (session, error) {
	s := &gwsSession{messages: make(chan gwsMessage, 16), pongs: make(chan string, 1), end: make(chan struct{})}
	socket, _, err := gws.NewClient(s, &gws.ClientOption{
		Addr:                url,
		HandshakeTimeout:    patience,
		ReadMaxPayloadSize:  maxMessage + maxMessage/1000, // of a frame: noise takes more when compressed
		WriteMaxPayloadSize: maxMessage,
		PermessageDeflate:   deflate,
		TlsConfig:           clientTLS(),
	})
	if err != nil {
		return nil, err
	}
	s.socket = socket
	go socket.ReadLoop()
	return s, socket.SetDeadline(time.Now().Add(patience))
}

func (s *gwsSession) OnMessage(_ *gws.Conn, message *gws.Message) {
	defer message.Close()
	s.messages <- gwsMessage{byte(message.Opcode), bytes.Clone(message.Bytes())}
}

func (s *gwsSession) OnPing(socket *gws.Conn, payload []byte) { _ = socket.WritePong(payload) }

func (s *gwsSession) OnPong(_ *gws.Conn, payload []byte) { s.pongs <- string(payload) }

func (s *gwsSession) OnClose(_ *gws.Conn, err error) {
	s.why = err
	close(s.end)
}

func (s *gwsSession) send(opcode byte, payload []byte) error {
	return s.socket.WriteMessage(gws.Opcode(opcode), payload)
}

// sendFragments uses gws's way to send a file: frames of 128 KiB at most.
func (s *gwsSession) sendFragments(opcode byte, payload []byte) error {
	return s.socket.WriteFile(gws.Opcode(opcode), bytes.NewReader(payload))
}

func (s *gwsSession) receive() (byte, []byte, error) {
	select {
	case m := <-s.messages:
		return m.opcode, m.payload, nil
	case <-s.end:
		return 0, nil, s.why
	case <-time.After(patience):
		return 0, nil, errors.New("nothing came")
	}
}

func (s *gwsSession) ping(payload string) (<-chan string, error) {
	return s.pongs, s.socket.WritePing([]byte(payload))
}

// close sends the Close and drops the connection: gws does not wait.
func (s *gwsSession) close(code int, reason string) error {
	return s.socket.WriteClose(uint16(code), []byte(reason))
}

func (s *gwsSession) closed() (int, string) {
	<-s.end
	if end, ok := errors.AsType[*gws.CloseError](s.why); ok {
		return int(end.Code), string(end.Reason)
	}
	return 0, ""
}

func (s *gwsSession) cut() { s.socket.NetConn().Close() }
