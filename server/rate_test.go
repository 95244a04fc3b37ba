package server

import (
	"strings"
	"testing"

	"github.com/framerail/framerail/conn"
	"github.com/framerail/framerail/frame"
)

func TestRate_TooFastGets1008(t *testing.T) {
	modes(t, func(t *testing.T, d conn.Dispatch) {
		var log journal
		s := start(t, &Server{
			Dispatch: d, Logger: log.logger(),
			OnMessage: func(*conn.Conn, conn.Message) {},
			OnPing:    func(*conn.Conn, []byte) {},
			Limits:    Limits{Limits: conn.Limits{MessagesPerSecond: 10, ControlFramesPerSecond: 10}},
		})
		for flood, fault := range map[string]*frame.Error{
			masked(frame.Text, true, "x"):  conn.ErrMessageRate,
			masked(frame.Ping, true, "x"):  conn.ErrControlRate,
			masked(frame.Pong, true, "xy"): conn.ErrControlRate,
		} {
			p := dial(t, s)
			p.send(strings.Repeat(flood, 2000)) // 200 seconds' worth
			h, payload := p.next()
			if h.Opcode != frame.Close {
				t.Fatalf("got a frame with %v", h.Opcode)
			}
			if code, reason, _ := frame.ParseClose([]byte(payload)); code != frame.PolicyViolation || string(reason) != fault.Rule {
				t.Errorf("closed with %v, %q", code, reason)
			}
			p.Close()
			log.expect(t, fault.Rule)
		}
		eventually(t, "all to be counted", func() bool { return s.Stats().Causes[CauseTooFast] == 3 })
	})
}
