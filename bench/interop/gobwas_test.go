package interop

import (
	"context"
	"errors"
	"io"
	"net"
	"time"

	"github.com/gobwas/ws"
	"github.com/gobwas/ws/wsutil"
)

type gobwasSession struct {
	net.Conn
	reader *wsutil.Reader
	pongs  chan string
	end    wsutil.ClosedError
}

func dialGobwas(url string) (session, error) {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	dialer := ws.Dialer{TLSConfig: clientTLS()}
	c, buffered, _, err := dialer.Dial(ctx, url)
	if err != nil {
		return nil, err
	}
	if buffered != nil {
		return nil, errors.Join(errors.New("bytes behind the handshake that nobody asked for"), c.Close())
	}
	s := &gobwasSession{Conn: c, pongs: make(chan string, 1)}
	s.reader = &wsutil.Reader{Source: c, State: ws.StateClientSide, CheckUTF8: true, OnIntermediate: s.control}
	return s, c.SetDeadline(time.Now().Add(patience))
}

// control takes note of pongs and leaves the rest to the library.
func (s *gobwasSession) control(header ws.Header, r io.Reader) error {
	if header.OpCode == ws.OpPong {
		payload, err := io.ReadAll(r)
		s.pongs <- string(payload)
		return err
	}
	return wsutil.ControlFrameHandler(s.Conn, ws.StateClientSide)(header, r)
}

func (s *gobwasSession) send(opcode byte, payload []byte) error {
	return wsutil.WriteClientMessage(s.Conn, ws.OpCode(opcode), payload)
}

func (s *gobwasSession) sendFragments(opcode byte, payload []byte) error {
	w := wsutil.NewWriter(s.Conn, ws.StateClientSide, ws.OpCode(opcode))
	for len(payload) > 0 {
		n := min(len(payload), 1000)
		if _, err := w.Write(payload[:n]); err != nil {
			return err
		}
		if err := w.FlushFragment(); err != nil {
			return err
		}
		payload = payload[n:]
	}
	return w.Flush()
}

func (s *gobwasSession) receive() (byte, []byte, error) {
	for {
		header, err := s.reader.NextFrame()
		if err != nil {
			return 0, nil, err
		}
		if !header.OpCode.IsControl() {
			payload, err := io.ReadAll(s.reader)
			return byte(header.OpCode), payload, err
		}
		if err := s.control(header, s.reader); err != nil {
			if end, ok := errors.AsType[wsutil.ClosedError](err); ok {
				s.end = end
			}
			return 0, nil, err
		}
	}
}

func (s *gobwasSession) ping(payload string) (<-chan string, error) {
	return s.pongs, wsutil.WriteClientMessage(s.Conn, ws.OpPing, []byte(payload))
}

func (s *gobwasSession) close(code int, reason string) error {
	body := ws.NewCloseFrameBody(ws.StatusCode(code), reason)
	if err := wsutil.WriteClientMessage(s.Conn, ws.OpClose, body); err != nil {
		return err
	}
	if _, _, err := s.receive(); err == nil {
		return errors.New("a message in place of the Close")
	}
	return nil
}

func (s *gobwasSession) closed() (int, string) { return int(s.end.Code), s.end.Reason }

func (s *gobwasSession) cut() { s.Conn.Close() }
