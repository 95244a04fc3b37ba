package interop

import (
	"errors"
	"time"

	"github.com/gorilla/websocket"
)

type gorillaSession struct {
	*websocket.Conn
	pongs chan string
	end   websocket.CloseError
}

func dialGorilla(url string) (session, error) { return dialGorillaWith(url, false) }

// dialGorillaAlone compresses, each message alone: gorilla offers nothing else.
func dialGorillaAlone(url string) (session, error) { return dialGorillaWith(url, true) }

func dialGorillaWith(url string, compression bool) (session, error) {
	// gorilla sends a fragment whenever its write buffer of 4 KiB is full, and
	// only then: of its larger messages none comes in one frame.
	dialer := websocket.Dialer{HandshakeTimeout: patience, EnableCompression: compression, TLSClientConfig: clientTLS()}
	c, response, err := dialer.Dial(url, nil)
	if err != nil {
		return nil, err
	}
	response.Body.Close()
	s := &gorillaSession{Conn: c, pongs: make(chan string, 1)}
	c.SetPongHandler(func(payload string) error {
		s.pongs <- payload
		return nil
	})
	return s, errors.Join(c.SetReadDeadline(time.Now().Add(patience)), c.SetWriteDeadline(time.Now().Add(patience)))
}

func (s *gorillaSession) send(opcode byte, payload []byte) error {
	return s.WriteMessage(int(opcode), payload)
}

func (s *gorillaSession) sendFragments(opcode byte, payload []byte) error {
	w, err := s.NextWriter(int(opcode))
	if err != nil {
		return err
	}
	for len(payload) > 0 {
		n := min(len(payload), 100)
		if _, err := w.Write(payload[:n]); err != nil {
			return err
		}
		payload = payload[n:]
	}
	return w.Close()
}

func (s *gorillaSession) receive() (byte, []byte, error) {
	messageType, p, err := s.ReadMessage()
	if end, ok := errors.AsType[*websocket.CloseError](err); ok {
		s.end = *end
	}
	return byte(messageType), p, err
}

func (s *gorillaSession) ping(payload string) (<-chan string, error) {
	return s.pongs, s.WriteControl(websocket.PingMessage, []byte(payload), time.Now().Add(patience))
}

func (s *gorillaSession) close(code int, reason string) error {
	message := websocket.FormatCloseMessage(code, reason)
	if err := s.WriteControl(websocket.CloseMessage, message, time.Now().Add(patience)); err != nil {
		return err
	}
	if _, _, err := s.receive(); err == nil {
		return errors.New("a message in place of the Close")
	}
	return nil
}

func (s *gorillaSession) closed() (int, string) { return s.end.Code, s.end.Text }

func (s *gorillaSession) cut() { s.Close() }
