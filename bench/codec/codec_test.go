package codec

import (
	"context"
	"fmt"
	"io"
	"testing"

	"github.com/coder/websocket"
	"github.com/gobwas/ws"
	"github.com/gobwas/ws/wsutil"
	gorilla "github.com/gorilla/websocket"
	"github.com/lxzan/gws"

	"github.com/framerail/framerail/frame"
)

// readers read so many text messages from a connection, and return how many bytes they had.
// nbio is not among them: its connections need a socket.
var readers = []struct {
	name string
	read func(*memory, int) (int, error)
}{
	{"framerail", readFramerail}, {"gws", readGWS}, {"gorilla", readGorilla}, {"coder", readCoder}, {"gobwas", readGobwas},
}

// readFramerail decodes as framerail's server does: from a buffer that it fills, with the
// check for UTF-8 that the others leave out.
func readFramerail(c *memory, messages int) (total int, err error) {
	var d frame.Decoder
	d.Reset(frame.Server, frame.Limits{MaxMessageSize: 1 << 20})
	buf := make([]byte, 64<<10)
	begin, end := 0, 0
	for messages > 0 {
		ev, n, err := d.Next(buf[begin:end])
		if err != nil {
			return total, err
		}
		begin += n
		total += len(ev.Payload)
		if ev.Last {
			messages--
		}
		if n > 0 {
			continue
		}
		end = copy(buf, buf[begin:end])
		begin = 0
		n, err = c.Read(buf[end:])
		if err != nil {
			return total, err
		}
		end += n
	}
	return total, nil
}

func readGWS(c *memory, _ int) (int, error) {
	h := new(counter)
	w, r := upgrade(c)
	socket, err := gws.NewUpgrader(h, nil).Upgrade(w, r)
	if err != nil {
		return 0, err
	}
	socket.ReadLoop() // until there is nothing more
	return h.bytes, nil
}

type counter struct {
	gws.BuiltinEventHandler
	bytes int
}

func (h *counter) OnMessage(_ *gws.Conn, m *gws.Message) {
	h.bytes += m.Data.Len()
	_ = m.Close()
}

func readGorilla(c *memory, messages int) (total int, err error) {
	w, r := upgrade(c)
	conn, err := new(gorilla.Upgrader).Upgrade(w, r, nil)
	if err != nil {
		return 0, err
	}
	for range messages {
		_, p, err := conn.ReadMessage()
		if err != nil {
			return total, err
		}
		total += len(p)
	}
	return total, nil
}

func readCoder(c *memory, messages int) (total int, err error) {
	w, r := upgrade(c)
	conn, err := websocket.Accept(w, r, nil)
	if err != nil {
		return 0, err
	}
	defer conn.CloseNow()
	conn.SetReadLimit(1 << 20)
	for range messages {
		_, p, err := conn.Read(context.Background())
		if err != nil {
			return total, err
		}
		total += len(p)
	}
	return total, nil
}

func readGobwas(c *memory, messages int) (total int, err error) {
	r := &wsutil.Reader{Source: c, State: ws.StateServerSide}
	for range messages {
		if _, err := r.NextFrame(); err != nil {
			return total, err
		}
		p, err := io.ReadAll(r)
		if err != nil {
			return total, err
		}
		total += len(p)
	}
	return total, nil
}

var sizes = []int{20, 1 << 10, 16 << 10}

func TestReadersReadAll(t *testing.T) {
	for _, r := range readers {
		for _, size := range sizes {
			if n, err := r.read(newMemory(size, 100), 100); err != nil || n != 100*size {
				t.Errorf("%s: %d bytes of 100 messages of %d, %v", r.name, n, size, err)
			}
		}
	}
}

// BenchmarkRead is what it takes to read a text message.
func BenchmarkRead(b *testing.B) {
	for _, r := range readers {
		for _, size := range sizes {
			b.Run(fmt.Sprintf("peer=%s/size=%d", r.name, size), func(b *testing.B) {
				b.SetBytes(int64(size))
				b.ReportAllocs()
				if n, err := r.read(newMemory(size, b.N), b.N); err != nil || n != b.N*size {
					b.Fatal(n, err)
				}
			})
		}
	}
}
