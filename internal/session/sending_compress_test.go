package session

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/framerail/framerail/frame"
	"github.com/framerail/framerail/frame/deflate"
)

// Short messages, those that do not compress, and those the program says go plain.
func TestWhatIsNotCompressed(t *testing.T) {
	long := strings.Repeat("long enough to compress well ", 20)
	for _, c := range []struct {
		name       string
		send       func(c *Conn) error
		compressed int
	}{
		{"long", func(c *Conn) error { return c.SendText(long) }, 1},
		{"below the threshold", func(c *Conn) error { return c.SendText(long[:DefaultThreshold-1]) }, 0},
		{"at the threshold", func(c *Conn) error { return c.SendText(long[:DefaultThreshold]) }, 1},
		{"noise", func(c *Conn) error { return c.SendBinary([]byte(noise(1000))) }, 0},
		{"plain", func(c *Conn) error { return c.SendPlain(Text, []byte(long)) }, 0},
		{"plain writer", func(c *Conn) error { return writeAll(c.NewPlainWriter, long) }, 0},
		{"writer", func(c *Conn) error { return writeAll(c.NewWriter, long) }, 1},
		{"short writer", func(c *Conn) error { return writeAll(c.NewWriter, "short") }, 0},
		{"larger than what is compressed under the lock", func(c *Conn) error { return c.SendText(strings.Repeat(long, 200)) }, 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			for _, params := range []deflate.Params{takeover, noTakeover} {
				r := deflateRig(t, Config{}, params)
				p := newDeflatePeer(t, r)
				for range 3 {
					if err := c.send(r.c); err != nil {
						t.Fatal(err)
					}
				}
				r.turn()
				wire := r.wire.take()
				expect(t, "messages", len(p.take(wire)), 3)
				expect(t, "compressed", p.rsv1, 3*c.compressed)
			}
		})
	}
	if err := (&Conn{}).SendPlain(frame.Ping, nil); err != ErrMessageType {
		t.Errorf("SendPlain of a ping: %v", err)
	}
}

func writeAll(begin func(MessageType) (*Writer, error), s string) error {
	w, err := begin(Text)
	if err != nil {
		return err
	}
	if _, err := w.WriteString(s); err != nil {
		return err
	}
	return w.Close()
}

// A peer that does not read does not cost the CPU of compressing what it will not get.
func TestCompressedSendsToAFullQueueAreRefused(t *testing.T) {
	for _, policy := range []Overflow{OverflowClose, OverflowRefuse} {
		r := deflateRig(t, Config{MaxPending: 4096, Overflow: policy}, takeover)
		r.drain(0)
		if err := r.c.SendPlain(Binary, []byte(noise(4090))); err != nil {
			t.Fatal(err)
		}
		r.turn()
		if err := r.c.SendText(prose(rand.New(rand.NewPCG(1, 1)), 3000)); err != ErrPendingFull || r.c.extras != nil {
			t.Errorf("%v: %v, and remembers %v", policy, err, r.c.extras)
		}
		if open := r.c.State() == Open; open != (policy == OverflowRefuse) {
			t.Errorf("%v: %v", policy, r.c.State())
		}
	}
}

// RFC 7692 7.2.1: fragments are compressed as one message, each of which can be inflated
// when it comes.
func TestWriterCompressesFragmentsAsOneMessage(t *testing.T) {
	for _, params := range []deflate.Params{takeover, noTakeover} {
		r := deflateRig(t, Config{}, params)
		p := newDeflatePeer(t, r)
		w, err := r.c.NewWriter(Text)
		if err != nil {
			t.Fatal(err)
		}
		want := ""
		for i := range 20 {
			part := fmt.Sprintf("part %d %s", i, strings.Repeat("says the same ", 20))
			want += part
			if _, err := w.WriteString(part); err != nil {
				t.Fatal(err)
			}
			if err := w.Flush(); err != nil {
				t.Fatal(err)
			}
			r.turn()
			p.take(r.wire.take())
			expect(t, "bytes after a fragment", string(p.msg), want)
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		r.turn()
		if n, err := w.Write([]byte("x")); n != 0 || err != ErrWriterClosed {
			t.Error(n, err)
		}
		expect(t, "messages", len(p.take(r.wire.take())), 1)
		expect(t, "compressed", p.rsv1, 1)
	}
}

// What resembles earlier messages gets small only with context takeover.
func TestTakeoverRefersToEarlierMessages(t *testing.T) {
	size := func(p deflate.Params) (n int) {
		r := deflateRig(t, Config{}, p)
		for i := range 20 {
			_ = r.c.SendText(fmt.Sprintf("%d %s", i, prose(rand.New(rand.NewPCG(5, 5)), 1000)))
			r.turn()
			n = len(r.wire.take())
		}
		return n
	}
	with, without := size(takeover), size(noTakeover)
	if with > without/3 {
		t.Errorf("the last of twenty messages takes %d bytes with takeover, %d without", with, without)
	}
}

// Each goroutine's messages arrive in its order and can be inflated, whoever sends.
func TestCompressedSendsFromManyGoroutines(t *testing.T) {
	for _, params := range []deflate.Params{takeover, noTakeover} {
		r := deflateRig(t, Config{MaxPending: 64 << 20}, params)
		p := newDeflatePeer(t, r)
		const senders, each = 8, 60
		done := make(chan bool, senders)
		for s := range senders {
			go func() {
				rnd := rand.New(rand.NewPCG(uint64(s), 1))
				for i := range each {
					size := 300
					if i%20 == 7 {
						size = compressLocked + 1000
					}
					_ = r.c.SendText(fmt.Sprintf("%d:%d:%s", s, i, prose(rnd, size)))
				}
				done <- true
			}()
		}
		r.eventually("the senders", func() bool { return len(done) == senders })
		r.turn()
		var next [senders]int
		all := p.take(r.wire.take())
		for _, m := range all {
			var s, i int
			if _, err := fmt.Sscanf(m, "%d:%d:", &s, &i); err != nil || i != next[s] {
				t.Fatalf("sender %d: message %d, want %d: %v", s, i, next[s], err)
			}
			next[s]++
		}
		expect(t, "messages", len(all), senders*each)
	}
}

// What a Writer has written in one frame is referred to by what the next one writes, and
// so must not be dropped in between.
func TestWritersReferToNothingThatWasDropped(t *testing.T) {
	r := deflateRig(t, Config{MaxPending: 2000, Overflow: OverflowDropOldest, Deflate: Deflate{Threshold: 20}}, takeover)
	p := newDeflatePeer(t, r)
	r.drain(5)
	expect(t, "Send", r.c.SendPlain(Text, []byte(strings.Repeat("1", 1000))), nil)
	r.turn() // it has begun
	write := func(s string) {
		t.Helper()
		expect(t, "message", writeAll(r.c.NewWriter, s), nil)
	}
	said := prose(rand.New(rand.NewPCG(1, 1)), 300)
	write(said)
	for range 30 {
		expect(t, "Send", r.c.SendPlain(Text, []byte(strings.Repeat("2", 100))), nil)
	}
	write("once more: " + said)
	r.drain(-1)
	got := p.take(r.wire.take())
	if n := len(got); n < 4 || got[1] != said || got[n-1] != "once more: "+said {
		t.Errorf("%d messages arrived: %q", n, got)
	}
}

// RFC 7692 7.2.1: the last four bytes that a flush ends with are not sent.
func TestCompressedMessagesEndWithoutTheirFlush(t *testing.T) {
	long := strings.Repeat("long enough to compress well ", 20)
	for _, params := range []deflate.Params{takeover, noTakeover} {
		for name, send := range map[string]func(c *Conn) error{
			"send":   func(c *Conn) error { return c.SendText(long) },
			"writer": func(c *Conn) error { return writeAll(c.NewWriter, long) },
		} {
			r := deflateRig(t, Config{}, params)
			for range 2 {
				if err := send(r.c); err != nil {
					t.Fatal(err)
				}
			}
			r.turn()
			sent := r.sent()
			expect(t, name+": frames", len(sent), 2)
			for _, f := range sent {
				if strings.HasSuffix(string(f.payload), "\x00\x00\xff\xff") {
					t.Errorf("%s, takeover %v: a message ends with % x", name, params == takeover, f.payload[len(f.payload)-4:])
				}
			}
		}
	}
}
