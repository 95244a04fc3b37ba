package frame

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
	"unsafe"

	"github.com/framerail/framerail/internal/test/allocs"
)

func samePlace(a, b []byte) bool {
	return unsafe.SliceData(a) == unsafe.SliceData(b)
}

func TestAssemblerPassesWholeEventsThrough(t *testing.T) {
	var a Assembler
	for _, op := range []Opcode{Text, Binary, Close, Ping, Pong} {
		ev := Event{[]byte("whole"), op, true, true}
		msg, complete := a.Add(ev)
		if !complete || msg.Opcode != op || !samePlace(msg.Payload, ev.Payload) || !msg.First || !msg.Last {
			t.Errorf("%v: got %+v, %v", op, msg, complete)
		}
	}
	if a.Buf != nil {
		t.Error("a buffer was taken for messages that were whole")
	}
}

func TestAssemblerNothingIsNothing(t *testing.T) {
	var a Assembler
	if msg, complete := a.Add(Event{}); complete || msg.Opcode != Continuation {
		t.Errorf("got %+v, %v", msg, complete)
	}
}

func TestAssemblerJoinsPieces(t *testing.T) {
	var a Assembler
	for round, pieces := range [][]string{{"a", "b", "c"}, {"", "a"}, {"a", ""}, {"", ""}, {strings.Repeat("x", 1000), "y"}} {
		for i, p := range pieces {
			last := i == len(pieces)-1
			msg, complete := a.Add(Event{[]byte(p), Text, i == 0, last})
			if complete != last {
				t.Fatalf("round %d, piece %d: complete is %v", round, i, complete)
			}
			if last && (string(msg.Payload) != strings.Join(pieces, "") || msg.Opcode != Text || !msg.First || !msg.Last) {
				t.Errorf("round %d: got %+v", round, msg)
			}
			// A control frame in between is its own and changes nothing.
			if ping, complete := a.Add(Event{[]byte("p"), Ping, true, true}); !complete || string(ping.Payload) != "p" {
				t.Errorf("ping: %+v, %v", ping, complete)
			}
		}
	}
}

func TestAssemblerTakesWhatWasReadInPlace(t *testing.T) {
	var a Assembler
	a.Add(Event{[]byte("head "), Binary, true, false})
	room := a.Spare(100)
	if len(room) < 100 {
		t.Fatalf("room for %d bytes, asked for 100", len(room))
	}
	n := copy(room, "read in place")
	before := unsafe.SliceData(a.Buf)
	msg, complete := a.Add(Event{room[:n:n], Binary, false, true})
	if !complete || string(msg.Payload) != "head read in place" {
		t.Errorf("got %q, %v", msg.Payload, complete)
	}
	if unsafe.SliceData(msg.Payload) != before {
		t.Error("the buffer moved")
	}
}

// As TakesWhatWasReadInPlace, for a message read there from its first byte on
// behind one that was not reset away.
func TestAssemblerFirstPieceInPlace(t *testing.T) {
	var a Assembler
	a.Add(Event{[]byte("old "), Binary, true, false})
	a.Add(Event{[]byte("message"), Binary, false, true})
	room := a.Spare(10)
	n := copy(room, "new")
	a.Add(Event{room[:n:n], Text, true, false})
	msg, _ := a.Add(Event{nil, Text, false, true})
	if string(msg.Payload) != "new" {
		t.Errorf("got %q", msg.Payload)
	}
}

// Memory follows the bytes received: at most double, and a little.
func TestAssemblerGrowsWithBytesReceived(t *testing.T) {
	var a Assembler
	a.Add(Event{nil, Binary, true, false})
	piece := make([]byte, 10)
	for n := 10; n <= 1<<20; n += 10 {
		a.Add(Event{piece, Binary, false, false})
		if len(a.Buf) != n || cap(a.Buf) > 2*n+64 {
			t.Fatalf("%d bytes received: length %d, capacity %d", n, len(a.Buf), cap(a.Buf))
		}
	}
}

func TestAssemblerGrowOfTheCallers(t *testing.T) {
	var asked []int
	a := Assembler{Grow: func(buf []byte, n int) []byte {
		asked = append(asked, n)
		return append(make([]byte, 0, len(buf)+n+100), buf...)
	}}
	a.Add(Event{make([]byte, 50), Binary, true, false})
	a.Add(Event{make([]byte, 100), Binary, false, false})
	a.Add(Event{make([]byte, 101), Binary, false, false})
	a.Spare(1)
	if fmt.Sprint(asked) != "[50 101]" || len(a.Buf) != 251 {
		t.Errorf("asked for %v, holds %d bytes", asked, len(a.Buf))
	}
}

func TestAssemblerTakeAndReset(t *testing.T) {
	var a Assembler
	a.Add(Event{[]byte("abc"), Binary, true, false})
	buf := a.Take()
	if string(buf) != "abc" || a.Buf != nil {
		t.Errorf("took %q, left %q", buf, a.Buf)
	}
	a.Buf = buf
	a.Reset()
	if len(a.Buf) != 0 || !samePlace(a.Buf, buf) {
		t.Error("Reset does not keep the buffer")
	}
}

// Decoder and Assembler together, cut in every way: whole messages come out, read
// as a server would read them, large ones straight into their buffer.
func TestAssemblerBehindDecoder(t *testing.T) {
	w := &wire{role: Server}
	var want []string
	for _, size := range []int{0, 1, 125, 126, 3000, 70000} {
		p := strings.Repeat("0123456789", size/10+1)[:size]
		w.frame(Text, true, p)
		w.frame(Binary, false, p).frame(Ping, true, "ping").frame(Continuation, false, p).frame(Continuation, true, p)
		want = append(want, "Text "+p, "Ping ping", "Binary "+p+p+p)
	}
	for _, size := range []int{1, 7, 100, 4096, len(w.b)} {
		var d Decoder
		var a Assembler
		var got []string
		in := bytes.NewReader(w.b)
		shared := make([]byte, size)
		for in.Len() > 0 {
			buf := shared
			if d.Remaining() > int64(size) {
				buf = a.Spare(size)[:size]
			}
			n, _ := in.Read(buf)
			for b := buf[:n]; len(b) > 0; {
				ev, n, err := d.Next(b)
				if err != nil {
					t.Fatal(err)
				}
				b = b[n:]
				if msg, complete := a.Add(ev); complete {
					got = append(got, fmt.Sprintf("%v %s", msg.Opcode, msg.Payload))
					if msg.Opcode.isData() {
						a.Reset()
					}
				}
			}
		}
		if fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("%d bytes at a time: other messages came out", size)
		}
	}
}

func TestAssemblerAllocatesNothingOnceGrown(t *testing.T) {
	var a Assembler
	piece := make([]byte, 1000)
	if n := allocs.PerRun(100, func() {
		a.Add(Event{piece, Binary, true, false})
		a.Add(Event{piece, Binary, false, false})
		a.Add(Event{piece, Binary, false, true})
		a.Reset()
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func BenchmarkAssembler(b *testing.B) {
	for _, pieces := range []int{1, 16} {
		b.Run(fmt.Sprintf("pieces=%d/size=16384", pieces), func(b *testing.B) {
			var a Assembler
			piece := make([]byte, 16384/pieces)
			b.SetBytes(16384)
			b.ReportAllocs()
			for b.Loop() {
				for i := range pieces {
					a.Add(Event{piece, Binary, i == 0, i == pieces-1})
				}
			}
		})
	}
}
