package interop

import (
	"testing"
	"time"

	"github.com/framerail/framerail/bench/internal/wire"
	"github.com/framerail/framerail/conn"
	"github.com/framerail/framerail/frame/deflate"
	"github.com/framerail/framerail/server"
)

// squeezes are the ways in which the server compresses. Short messages are compressed
// too: what is sent here is small for the most part.
var squeezes = []struct {
	name string
	server.Deflate
	sizes []int
	level int
}{
	{"takeover", server.Deflate{Enabled: true, ServerTakeover: true, ClientTakeover: true}, compressedSizes, 0},
	{"alone", server.Deflate{Enabled: true}, compressedSizes, 0},
	{"windows", server.Deflate{Enabled: true, ServerTakeover: true, ClientTakeover: true, ServerWindowBits: 12, ClientWindowBits: 9}, compressedSizes, 0},
	// What other levels do to long messages is not ours, and takes half of all the time.
	{"level9", server.Deflate{Enabled: true, ServerTakeover: true, ClientTakeover: true}, []int{0, 1, 126, 513, 4097, 32769}, 9},
}

// compressing are the clients that compress, and what each agrees on with each of
// squeezes. gobwas/ws leaves compression to the program.
var compressing = []struct {
	client
	agreed []string
}{
	{client{"gorilla-alone", dialGorillaAlone, true}, []string{alone, alone, alone + "; server_max_window_bits=12", alone}},
	{client{"coder-takeover", dialCoderTakeover, true}, []string{"", alone, "; client_no_context_takeover; server_max_window_bits=12", ""}},
	{client{"coder-alone", dialCoderAlone, true}, []string{alone, alone, alone + "; server_max_window_bits=12", alone}},
	{client{"gws-takeover", dialGWSTakeover, false}, []string{"", alone, "; server_max_window_bits=12; client_max_window_bits=9", ""}},
	{client{"gws-alone", dialGWSAlone, false}, []string{alone, alone, alone + "; server_max_window_bits=12", alone}},
	{client{"gws-windows", dialGWSWindows, false}, []string{
		"; server_max_window_bits=10; client_max_window_bits=11", alone + "; server_max_window_bits=10; client_max_window_bits=11",
		"; server_max_window_bits=10; client_max_window_bits=9", "; server_max_window_bits=10; client_max_window_bits=11"}},
}

const alone = "; server_no_context_takeover; client_no_context_takeover"

// Sizes about those at which something begins: the length field's forms, windows of 9 to
// 15 bits, blocks of DEFLATE.
var compressedSizes = []int{0, 1, 125, 126, 511, 513, 4097, 32767, 32769, 65535, 65536, 200_000}

// startSqueezing runs an echo server that compresses; agreed is what it agrees on with
// its first client.
func startSqueezing(t *testing.T, m mode, d server.Deflate, level int) (r *running, agreed <-chan deflate.Params) {
	t.Helper()
	found := make(chan deflate.Params, 1)
	return startEcho(t, m, func(s *server.Server) {
		s.Deflate, s.DeflateLevel, s.DeflateThreshold = d, level, -1
		s.OnConnection = func(c *conn.Conn) {
			p, ok := c.Deflate()
			if !ok {
				t.Error("a client that compresses, and nothing is agreed on")
			}
			// Windows of 15 bits are the same whether they were named or not.
			for _, bits := range []*int{&p.ServerMaxWindowBits, &p.ClientMaxWindowBits} {
				if *bits == deflate.MaxWindowBits {
					*bits = 0
				}
			}
			select {
			case found <- p:
			default:
			}
		}
	}), found
}

func TestCompressed_Echo(t *testing.T) {
	for _, c := range compressing {
		for i, squeeze := range squeezes {
			t.Run(c.name+"/"+squeeze.name, func(t *testing.T) {
				each(t, func(t *testing.T, m mode) {
					r, agreed := startSqueezing(t, m, squeeze.Deflate, squeeze.level)
					s := dial(t, c.client, r.url())
					if got, want := (<-agreed).String(), "permessage-deflate"+c.agreed[i]; got != want {
						t.Errorf("agreed on %s, want %s", got, want)
					}
					echoCompressed(t, s, squeeze.sizes)
				})
			})
		}
	}
}

// echoCompressed has messages echoed that compress and messages that do not, whole and
// in fragments, each near one that it resembles.
func echoCompressed(t *testing.T, s session, sizes []int) {
	t.Helper()
	for _, size := range sizes {
		for seed := range 2 {
			if err := exchange(s, s.send, wire.Text, wire.Prose(size, seed)); err != nil {
				t.Fatalf("prose, %d bytes: %v", size, err)
			}
			if err := exchange(s, s.send, wire.Text, text(size)); err != nil {
				t.Fatalf("text, %d bytes: %v", size, err)
			}
		}
		if err := exchange(s, s.send, wire.Binary, noise(size)); err != nil {
			t.Fatalf("binary, %d bytes: %v", size, err)
		}
		if size > 0 {
			if err := exchange(s, s.sendFragments, wire.Text, wire.Prose(size, 3)); err != nil {
				t.Fatalf("fragments, %d bytes: %v", size, err)
			}
		}
	}
}

// The largest messages take long to compress: one way for each library is enough.
func TestCompressed_LargestMessage(t *testing.T) {
	for _, c := range []client{{"gorilla", dialGorillaAlone, true}, {"coder", dialCoderTakeover, true}, {"gws", dialGWSTakeover, false}} {
		t.Run(c.name, func(t *testing.T) {
			each(t, func(t *testing.T, m mode) {
				r, _ := startSqueezing(t, m, squeezes[0].Deflate, 0)
				s := dial(t, c, r.url())
				if err := exchange(s, s.send, wire.Text, text(maxMessage)); err != nil {
					t.Errorf("text: %v", err)
				}
				if err := exchange(s, s.send, wire.Binary, noise(maxMessage)); err != nil {
					t.Errorf("noise: %v", err)
				}
			})
		})
	}
}

// What goes over the wire tells that messages are compressed both ways, and that those
// that resemble an earlier one take less where context is taken over, both ways.
func TestCompressed_BytesOnTheWire(t *testing.T) {
	const size = 4000
	for _, c := range compressing {
		t.Run(c.name, func(t *testing.T) {
			each(t, func(t *testing.T, m mode) {
				r, agreed := startSqueezing(t, m, squeezes[0].Deflate, 0)
				s := dial(t, c.client, r.url())
				messages := uint64(0)
				once := func() (in, out int64) {
					before := settled(t, r, messages)
					if err := exchange(s, s.send, wire.Text, wire.Prose(size, 1)); err != nil {
						t.Fatal(err)
					}
					messages++
					after := settled(t, r, messages)
					return int64(after.Received.Bytes - before.Received.Bytes), int64(after.Sent.Bytes - before.Sent.Bytes)
				}
				in, out := once()
				if in > size/2 || out > size/2 || in == 0 || out == 0 {
					t.Errorf("a message of %d bytes: %d bytes in, %d out", size, in, out)
				}
				in2, out2 := once()
				p := <-agreed
				if p.ServerMaxWindowBits == 0 { // else it does not reach back as far
					check(t, "in", in, in2, !p.ClientNoContextTakeover)
					check(t, "out", out, out2, !p.ServerNoContextTakeover)
				}
			})
		})
	}
}

// check holds the bytes of the same message, sent twice, to whether context is taken over.
func check(t *testing.T, way string, first, second int64, takeover bool) {
	t.Helper()
	if least := second*4 < first; least != takeover {
		t.Errorf("the same message twice, %s: %d bytes, then %d; context takeover: %v", way, first, second, takeover)
	}
}

// settled waits until the server has counted so many messages both ways, and its counters say no more than they did: what a
// loop counts is shown at the end of its turn, which may be after the client has its echo.
func settled(t *testing.T, r *running, messages uint64) server.Stats {
	t.Helper()
	last := r.stats()
	for same, end := 0, time.Now().Add(patience); same < 5; time.Sleep(2 * time.Millisecond) {
		now := r.stats()
		if now.Sent != last.Sent || now.Received != last.Received || now.Sent.Messages != messages || now.Received.Messages != messages {
			same = 0
		}
		last, same = now, same+1
		if time.Now().After(end) {
			t.Fatalf("%d messages are not counted: %+v", messages, now)
		}
	}
	return last
}
