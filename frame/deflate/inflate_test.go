package deflate

import (
	"bytes"
	"compress/flate"
	"errors"
	"io"
	"math/rand/v2"
	"strings"
	"testing"
)

// inflateAll inflates a message with calls of so many bytes in and out, adding to history
// what was written, and stops beyond limit.
func inflateAll(f *Inflater, msg []byte, history *Window, windowBits, in, out, limit int) (all []byte, err error) {
	f.Reset(windowBits)
	dst := make([]byte, out)
	for {
		src := msg[:min(len(msg), in)]
		last := len(src) == len(msg)
		n, taken, done, err := f.Inflate(dst, src, last, history)
		all = append(all, dst[:n]...)
		msg = msg[taken:]
		if size := history.Lack(n, windowBits); size > 0 {
			history.Use(make([]byte, size))
		}
		history.Add(dst[:n])
		if err != nil || done || len(all) > limit {
			return all, err
		}
		if n == 0 && taken == 0 && len(src) > 0 {
			return all, errors.New("stopped without a cause")
		}
	}
}

// lastBlock is an empty stored block with BFINAL, behind which the standard library
// wants nothing more.
var lastBlock = []byte{0x01, 0x00, 0x00, 0xff, 0xff}

// stdInflate is inflateAll by the standard library.
func stdInflate(msg, history []byte, limit int) (all []byte, err error) {
	return stdBlocks(append(bytes.Clone(msg), messageTail[:]...), history, limit)
}

// stdBlocks inflates whole blocks. RFC 7692 7.2.1: behind one with BFINAL others may
// follow.
func stdBlocks(blocks, history []byte, limit int) (all []byte, err error) {
	r := bytes.NewReader(append(blocks, lastBlock...))
	for r.Len() > 0 && len(all) <= limit {
		before := append(bytes.Clone(history), all...)
		b, err := io.ReadAll(io.LimitReader(flate.NewReaderDict(r, before), int64(limit+1-len(all))))
		all = append(all, b...)
		if err != nil {
			return all, err
		}
	}
	return all, nil
}

// samples are payloads of many kinds.
func samples() map[string][]byte {
	rnd := rand.New(rand.NewPCG(1, 2))
	noise := make([]byte, 80_000)
	for i := range noise {
		noise[i] = byte(rnd.Uint32())
	}
	var words strings.Builder
	for words.Len() < 100_000 {
		words.WriteString([]string{"the ", "loop ", "owns ", "a ", "connection ", "\n", "{\"key\": ", "42}, "}[rnd.IntN(8)])
	}
	return map[string][]byte{
		"empty": {}, "one": []byte("a"), "hello": []byte("Hello"), "run": bytes.Repeat([]byte("a"), 70_000),
		"noise": noise, "words": []byte(words.String()), "short": []byte(words.String()[:300]),
		"mixed": append(bytes.Clone(noise[:40_000]), append([]byte(words.String()[:40_000]), noise[:40_000]...)...),
	}
}

// deflated is a message compressed by the standard library.
func deflated(t testing.TB, p []byte, level int) []byte {
	var b bytes.Buffer
	w, err := flate.NewWriter(&b, level)
	if err != nil {
		t.Fatal(err)
	}
	_, _ = w.Write(p)
	_ = w.Flush()
	return b.Bytes()[:b.Len()-4]
}

func TestInflate_AgreesWithTheStandardLibraryAtEveryCut(t *testing.T) {
	var f Inflater
	for name, p := range samples() {
		for _, level := range []int{flate.HuffmanOnly, 0, 1, 6, 9} {
			msg := deflated(t, p, level)
			for _, cut := range [][2]int{{1 << 20, 1 << 20}, {1, 1}, {7, 300}, {1000, 1}, {1, 1000}, {4096, 32768}} {
				if len(p) > 10_000 && min(cut[0], cut[1]) == 1 && level != 6 {
					continue // it takes long, and is the same code
				}
				got, err := inflateAll(&f, msg, new(Window), 15, cut[0], cut[1], len(p))
				if err != nil || !bytes.Equal(got, p) {
					t.Fatalf("%s, level %d, cut %v: %d bytes, want %d: %v", name, level, cut, len(got), len(p), err)
				}
			}
		}
	}
}

// FuzzInflate holds the Inflater to the standard library's, whole and in pieces.
func FuzzInflate(f *testing.F) {
	for _, p := range samples() {
		if len(p) < 1000 {
			f.Add(deflated(f, p, 6), []byte("Hello"), uint8(3), uint16(9))
		}
	}
	f.Add([]byte{0xf3, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00, 0x00}, []byte{}, uint8(1), uint16(1))
	f.Add([]byte{0xf3, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00}, []byte{}, uint8(1), uint16(1))
	f.Add([]byte{0x00}, []byte{}, uint8(1), uint16(1))
	f.Add([]byte{0x00, 0x05, 0x00, 0xfa, 0xff, 0x48, 0x65, 0x6c, 0x6c, 0x6f, 0x00}, []byte("x"), uint8(2), uint16(2))
	f.Fuzz(func(t *testing.T, msg, dict []byte, in uint8, out uint16) {
		const limit = 1 << 17
		dict = dict[:min(len(dict), 1<<15)]
		history := func() *Window {
			w := new(Window)
			if n := w.Lack(len(dict), 15); n > 0 {
				w.Use(make([]byte, n))
			}
			w.Add(dict)
			return w
		}
		var inf Inflater
		got, err := inflateAll(&inf, msg, history(), 15, 1<<20, 1<<16, limit)
		pieces, err2 := inflateAll(&inf, msg, history(), 15, int(in)+1, int(out)+1, limit)
		n := min(len(got), len(pieces), limit)
		if !bytes.Equal(got[:n], pieces[:n]) || len(got) <= limit && (len(got) != len(pieces) || err != err2) {
			t.Fatalf("whole: %d bytes, %v; in pieces: %d bytes, %v", len(got), err, len(pieces), err2)
		}
		want, stdErr := stdInflate(msg, dict, limit)
		n = min(len(got), len(want), limit)
		if !bytes.Equal(got[:n], want[:n]) {
			t.Fatalf("inflated %q, want %q", got[:n], want[:n])
		}
		if len(got) > limit || len(want) > limit {
			return
		}
		if err == nil && stdErr != nil {
			// It may have ended between two blocks, without the tail.
			want, stdErr = stdBlocks(bytes.Clone(msg), dict, limit)
		}
		if (err == nil) != (stdErr == nil) {
			t.Fatalf("%v, want %v", err, stdErr)
		}
		if err == nil && len(got) != len(want) {
			t.Fatalf("%d bytes, want %d", len(got), len(want))
		}
	})
}
