package deflate

import (
	"bytes"
	"compress/flate"
	"encoding/hex"
	"errors"
	"io"
	"math/rand/v2"
	"strings"
	"testing"
)

const plenty = 1 << 24

func unhex(s string) []byte {
	b, err := hex.DecodeString(strings.ReplaceAll(s, " ", ""))
	if err != nil {
		panic(err)
	}
	return b
}

// RFC 7692 7.2.3 shows these messages.
func TestInflater_the_RFC_examples(t *testing.T) {
	for name, tt := range map[string]struct {
		takeover bool
		payloads []string
	}{
		"one_block":      {false, []string{"f248cdc9c90700", "f248cdc9c90700"}},
		"takeover":       {true, []string{"f248cdc9c90700", "f200110000"}},
		"stored":         {true, []string{"000500faff48656c6c6f00"}},
		"final_block":    {true, []string{"f348cdc9c9070000"}},
		"two_blocks":     {true, []string{"f248050000 00ffff cac9c90700"}},
		"after_final":    {true, []string{"f348cdc9c9070000", "f200110000"}},
		"empty_between":  {true, []string{"f248cdc9c90700", "00", "f200110000"}},
		"stored_to_date": {true, []string{"000500faff48656c6c6f00", "f200110000"}},
	} {
		f := NewInflater(15, tt.takeover)
		for i, p := range tt.payloads {
			want := "Hello"
			if p == "00" {
				want = ""
			}
			if got, err := f.Message(unhex(p), plenty); err != nil || string(got) != want {
				t.Errorf("%s: message %d: %q, %v", name, i, got, err)
			}
		}
	}
}

// A match may reach back as far as the window that was agreed, and not a byte
// farther, within a message and into earlier ones.
func TestInflater_window_is_exact(t *testing.T) {
	for bits := 8; bits <= 15; bits++ {
		window := 1 << bits
		filler := strings.Repeat("x", window+100)
		for _, tt := range []struct {
			name     string
			takeover bool
			messages []*Blocks
			distance int // in the error; 0: none
		}{
			{"within", false, []*Blocks{new(Blocks).Fixed(false).Literals(filler).Match(3, window).End()}, 0},
			{"beyond", false, []*Blocks{new(Blocks).Fixed(false).Literals(filler).Match(3, window+1).End()}, window + 1},
			{"into an earlier message", true, []*Blocks{
				new(Blocks).Fixed(false).Literals(filler).End(), new(Blocks).Fixed(false).Match(258, window).End()}, 0},
			{"beyond an earlier message", true, []*Blocks{
				new(Blocks).Fixed(false).Literals("1234").End(), new(Blocks).Fixed(false).Match(3, 5).End()}, 5},
			{"without takeover", false, []*Blocks{
				new(Blocks).Fixed(false).Literals(filler).End(), new(Blocks).Fixed(false).Literals("12").Match(3, 3).End()}, 3},
		} {
			if bits == 15 && tt.distance > window {
				continue // there is no such distance
			}
			f := NewInflater(bits, tt.takeover)
			var err error
			for _, m := range tt.messages {
				if err != nil {
					t.Fatalf("%d bits, %s: %v", bits, tt.name, err)
				}
				_, err = f.Message(m.Message(), plenty)
			}
			var distance *DistanceError
			if tt.distance == 0 && err != nil || tt.distance != 0 && (!errors.As(err, &distance) || distance.Distance != tt.distance) {
				t.Errorf("%d bits, %s: %v", bits, tt.name, err)
			}
		}
	}
}

func TestInflater_refuses(t *testing.T) {
	dynamic := func() *Blocks { return new(Blocks).header(false, 2) }
	for name, tt := range map[string]struct {
		payload []byte
		want    error
	}{
		"nothing":             {nil, errTruncated},
		"garbage":             {unhex("ffffffff"), errBlockType},
		"the_tail_left_on":    {unhex("f248cdc9c907000000ffff"), errTruncated},
		"half_a_block":        {unhex("f248cd"), errTruncated},
		"stored_complement":   {unhex("000500ffff48656c6c6f00"), errStored},
		"tail_taken_for_data": {unhex("000400fbff"), errTail},
		"unused_symbol":       {new(Blocks).Fixed(false).literal(286).Message(), errSymbol},
		"unused_distance":     {new(Blocks).Fixed(false).Literals("a").literal(257).code(30, 5).Message(), errSymbol},
		"too_many_lengths":    {dynamic().Put(31, 14).Message(), errLengths},
		"over-subscribed":     {dynamic().Put(0, 14).Put(0o1111, 12).Message(), errOverSubscribed},
		"incomplete":          {dynamic().Put(0, 14).Put(0o0022, 12).Message(), errIncomplete},
	} {
		_, err := NewInflater(15, false).Message(tt.payload, plenty)
		if !errors.Is(err, tt.want) {
			t.Errorf("%s: %v, want %v", name, err, tt.want)
		}
	}
}

func TestInflater_makes_no_more_than_asked_for(t *testing.T) {
	bomb := NewCompressor(15, false).Message(make([]byte, 1<<20))
	f := NewInflater(15, true)
	if _, err := f.Message(bomb, 1<<20-1); !errors.Is(err, errTooLong) {
		t.Errorf("%v, want %v", err, errTooLong)
	}
	if len(f.out) > 1<<20 {
		t.Errorf("%d bytes were made", len(f.out))
	}
	if got, err := NewInflater(15, true).Message(bomb, 1<<20); err != nil || len(got) != 1<<20 {
		t.Errorf("%d bytes, %v", len(got), err)
	}
}

// mixture returns n bytes of words, runs and noise.
func mixture(seed uint64, n int) []byte {
	r := rand.New(rand.NewPCG(seed, 7692))
	var b []byte
	for len(b) < n {
		switch r.IntN(4) {
		case 0:
			b = append(b, "the quick brown fox jumps "[r.IntN(20):]...)
		case 1:
			b = append(b, bytes.Repeat([]byte{byte(r.Uint32())}, r.IntN(400))...)
		case 2:
			for range r.IntN(60) {
				b = append(b, byte(r.Uint32()))
			}
		default:
			if len(b) > 0 { // something from far back
				from := r.IntN(len(b))
				b = append(b, b[from:min(from+r.IntN(300), len(b))]...)
			}
		}
	}
	return b[:n]
}

// What the standard library's compressor writes at each level, in messages of many
// lengths, comes out as it went in.
func TestInflater_agrees_with_compress_flate(t *testing.T) {
	for level := flate.HuffmanOnly; level <= flate.BestCompression; level++ {
		var out bytes.Buffer
		w, err := flate.NewWriter(&out, level)
		if err != nil {
			t.Fatal(err)
		}
		f := NewInflater(15, true)
		for i, n := range []int{0, 1, 2, 100, 5000, 40000, 70000, 3} {
			want := mixture(uint64(i), n)
			out.Reset()
			if _, err := w.Write(want); err != nil {
				t.Fatal(err)
			}
			if err := w.Flush(); err != nil {
				t.Fatal(err)
			}
			got, err := f.Message(bytes.TrimSuffix(out.Bytes(), tail), n)
			if err != nil || !bytes.Equal(got, want) {
				t.Fatalf("level %d, %d bytes: %d bytes, %v", level, n, len(got), err)
			}
		}
	}
}

// FuzzInflater holds the inflater against the standard library's, which is laxer
// about windows and ends and otherwise has to agree.
func FuzzInflater(f *testing.F) {
	for _, s := range []string{
		"", "00", "f248cdc9c90700", "000500faff48656c6c6f00", "f348cdc9c9070000", "f24805000000ffffcac9c90700", "000400fbff",
		"04c001000000ff00", "ffffffff",
	} {
		f.Add(unhex(s))
	}
	for _, bits := range []int{8, 12, 15} {
		f.Add(bytes.Clone(NewCompressor(bits, true).Message(mixture(1, 600))))
	}
	f.Fuzz(func(t *testing.T, payload []byte) {
		const most = 1 << 16
		got, err := NewInflater(15, false).Message(payload, most)

		// An empty final block behind the tail, so that the standard library sees an end.
		stream := append(append(bytes.Clone(payload), tail...), 1, 0, 0, 0xff, 0xff)
		rest := bytes.NewReader(stream)
		want, stdErr := io.ReadAll(io.LimitReader(flate.NewReader(rest), most+1))
		switch {
		case err == nil && rest.Len() > 0:
			// It stopped at a block that says it is the last; ours went on.
			if !bytes.HasPrefix(got, want) {
				t.Fatalf("%x before the final block's end, want %x", got, want)
			}
		case err == nil && (stdErr != nil || !bytes.Equal(got, want)):
			t.Fatalf("%x, want %x, %v", got, want, stdErr)
		case err != nil && stdErr == nil && rest.Len() == 0 && len(want) <= most && !errors.Is(err, errTail):
			t.Fatalf("%v, where the standard library reads %x", err, want)
		}
	})
}

func BenchmarkInflater(b *testing.B) {
	plain := mixture(3, 64<<10)
	payload := bytes.Clone(NewCompressor(15, false).Message(plain))
	f := NewInflater(15, true)
	b.SetBytes(int64(len(plain)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := f.Message(payload, plenty); err != nil {
			b.Fatal(err)
		}
	}
}
