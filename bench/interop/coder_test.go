package interop

import (
	"context"
	"errors"

	"github.com/coder/websocket"
)

type coderSession struct {
	*websocket.Conn
	ctx    context.Context
	cancel context.CancelFunc
	end    websocket.CloseError
}

func dialCoder(url string) (session, error) { return dialCoderWith(url, websocket.CompressionDisabled) }

func dialCoderTakeover(url string) (session, error) {
	return dialCoderWith(url, websocket.CompressionContextTakeover)
}

func dialCoderAlone(url string) (session, error) {
	return dialCoderWith(url, websocket.CompressionNoContextTakeover)
}

func dialCoderWith(url string, mode websocket.CompressionMode) (session, error) {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	c, _, err := websocket.Dial(ctx, url, &websocket.DialOptions{CompressionMode: mode, CompressionThreshold: 1, HTTPClient: clientHTTP()})
	if err != nil {
		cancel()
		return nil, err
	}
	c.SetReadLimit(-1)
	return &coderSession{Conn: c, ctx: ctx, cancel: cancel}, nil
}

func (s *coderSession) send(opcode byte, payload []byte) error {
	return s.Write(s.ctx, websocket.MessageType(opcode), payload)
}

func (s *coderSession) sendFragments(opcode byte, payload []byte) error {
	w, err := s.Writer(s.ctx, websocket.MessageType(opcode))
	if err != nil {
		return err
	}
	for len(payload) > 0 {
		n := min(len(payload), 1000)
		if _, err := w.Write(payload[:n]); err != nil {
			return err
		}
		payload = payload[n:]
	}
	return w.Close()
}

func (s *coderSession) receive() (byte, []byte, error) {
	messageType, p, err := s.Read(s.ctx)
	s.note(err)
	return byte(messageType), p, err
}

func (s *coderSession) note(err error) {
	if end, ok := errors.AsType[websocket.CloseError](err); ok {
		s.end = end
	}
}

// ping uses coder's own payload, a count: its Ping waits for that to come back.
func (s *coderSession) ping(payload string) (<-chan string, error) {
	pong := make(chan string, 1)
	go func() {
		if err := s.Ping(s.ctx); err != nil {
			payload = err.Error()
		}
		pong <- payload
	}()
	return pong, nil
}

// close succeeds only if the server answers with a Close of the same code.
func (s *coderSession) close(code int, reason string) error {
	err := s.Conn.Close(websocket.StatusCode(code), reason)
	if err == nil {
		s.end = websocket.CloseError{Code: websocket.StatusCode(code), Reason: reason}
	}
	return err
}

func (s *coderSession) closed() (int, string) { return int(s.end.Code), s.end.Reason }

func (s *coderSession) cut() {
	s.CloseNow()
	s.cancel()
}
