package server

import (
	"strings"
	"sync/atomic"
	"testing"

	"github.com/framerail/framerail/conn"
	"github.com/framerail/framerail/frame"
	"github.com/framerail/framerail/frame/deflate"
)

// One full read of compressed messages that say a thousand times as much, or one such
// message, is dealt with bit by bit: a neighbour on the same loop gets its turn between.
func TestDeflate_AFloodOfCompressedMessagesLeavesNeighboursTheirTurn(t *testing.T) {
	const size = 256 << 10
	times := 200
	if raceEnabled {
		times = 50
	}
	zeros := string(deflate.Compressor{Level: 9}.Append(nil, make([]byte, size), nil, true))
	packed := func(s string) string {
		return string(frame.AppendFrame(nil, frame.Header{Fin: true, RSV1: true, Opcode: frame.Binary, Masked: true, MaskingKey: 77}, []byte(s)))
	}
	long := string(deflate.Compressor{Level: 9}.Append(nil, make([]byte, times*size), nil, true))
	for name, flood := range map[string]string{"messages": strings.Repeat(packed(zeros), times), "one message": packed(zeros) + packed(long)} {
		modes(t, func(t *testing.T, d conn.Dispatch) {
			var said, seen atomic.Int64
			began, heard := make(chan bool, 1), make(chan bool, 1)
			spoken := make(chan bool) // closed when the neighbour has said something
			s := start(t, &Server{
				Loops: 1, Dispatch: d, Deflate: Deflate{Enabled: true}, Limits: Limits{Limits: conn.Limits{MaxMessageSize: int64(times * size)}},
				OnMessage: func(_ *conn.Conn, m conn.Message) {
					if m.Type == conn.Text {
						seen.Store(said.Load())
						heard <- true
						return
					}
					if said.Add(int64(len(m.Payload))) == size {
						began <- true
						<-spoken
					}
				},
			})
			attacker, neighbour := dialRaw(t, s), dial(t, s)
			attacker.handshake(offer)
			attacker.send(flood)
			receive(t, began)
			neighbour.send(masked(frame.Text, true, "and I?"))
			close(spoken)
			receive(t, heard)
			if n := seen.Load(); n >= int64(times*size) {
				t.Errorf("%s: the neighbour was heard when all of it had been said", name)
			}
			eventually(t, "the rest", func() bool { return said.Load() >= int64(times*size) })
		})
	}
}
