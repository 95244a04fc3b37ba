package handshake

import (
	"errors"
	"math"
	"strings"
	"testing"
	"unsafe"
)

// TestScanSeesEachByteOnce overwrites what was scanned with bytes that would be
// refused: whoever looks back finds them. So the work per byte is constant
// however slowly a head comes in.
func TestScanSeesEachByteOnce(t *testing.T) {
	for _, tc := range []struct {
		name string
		head string
		want error
	}{
		{"head", minimal("X: " + strings.Repeat("x", 4000)), nil},
		{"1 MiB without a line end", strings.Repeat("x", 1<<20), ErrHeadTooLong},
	} {
		for _, step := range []int{1, 7, 1460} {
			buf := []byte(tc.head)
			var s Scanner
			var end int
			var err error
			for n := 0; n < len(buf) && end == 0 && err == nil; {
				seen := n
				n = min(n+step, len(buf))
				end, err = s.Scan(buf[:n], Limits{MaxHeadBytes: len(buf)})
				clear(buf[seen:n])
			}
			if !errors.Is(err, tc.want) || tc.want == nil && end != len(tc.head) {
				t.Errorf("%s in steps of %d: end %d, err %v; want %v", tc.name, step, end, err, tc.want)
			}
		}
	}
}

func TestScanRepeatsItsAnswer(t *testing.T) {
	for _, in := range hostile() {
		var s Scanner
		all := []byte(in.bytes + in.behind)
		end, err := s.Scan(all, Limits{})
		again, errAgain := s.Scan(all, Limits{})
		if end != again || err != errAgain {
			t.Errorf("%s: first %d, %v; then %d, %v", in.name, end, err, again, errAgain)
		}
		if end > 0 {
			if again, errAgain = s.Scan(all[:end], Limits{}); end != again || errAgain != nil {
				t.Errorf("%s: the head alone: %d, %v; want %d", in.name, again, errAgain, end)
			}
		}
	}
}

func TestScanBytesBehindTheHeadMayExceedTheLimit(t *testing.T) {
	in := minimal() + strings.Repeat("\x00", 2*MaxHeadBytes)
	var s Scanner
	if end, err := s.Scan([]byte(in), Limits{}); end != len(minimal()) || err != nil {
		t.Errorf("end %d, err %v", end, err)
	}
}

func TestLimits(t *testing.T) {
	long := func(n int) []byte {
		return []byte("G / H\r\nX: " + strings.Repeat("x", n-len("G / H\r\nX: \r\n\r\n")) + "\r\n\r\n")
	}
	many := func(n int) []byte { return []byte("G / H\r\n" + strings.Repeat("a:\r\n", n) + "\r\n") }
	for _, tc := range []struct {
		name   string
		head   []byte
		limits Limits
		want   error
	}{
		{"zero is the default", long(MaxHeadBytes), Limits{}, nil},
		{"zero is the default, past it", long(MaxHeadBytes + 1), Limits{}, ErrHeadTooLong},
		{"negative is the default", long(MaxHeadBytes + 1), Limits{MaxHeadBytes: -1}, ErrHeadTooLong},
		{"smaller", long(101), Limits{MaxHeadBytes: 100}, ErrHeadTooLong},
		{"larger", long(64 << 10), Limits{MaxHeadBytes: 64 << 10}, nil},
		{"at most 1 MiB", long(1<<20 + 1), Limits{MaxHeadBytes: math.MaxInt}, ErrHeadTooLong},
		{"up to 1 MiB", long(1 << 20), Limits{MaxHeadBytes: math.MaxInt}, nil},
		{"headers default", many(MaxHeaders), Limits{}, nil},
		{"headers default, past it", many(MaxHeaders + 1), Limits{}, ErrTooManyHeaders},
		{"headers smaller", many(2), Limits{MaxHeaders: 1}, ErrTooManyHeaders},
		{"headers larger", many(1000), Limits{MaxHeaders: 1000}, nil},
	} {
		var s Scanner
		end, err := s.Scan(tc.head, tc.limits)
		if !errors.Is(err, tc.want) || tc.want == nil && end != len(tc.head) {
			t.Errorf("%s: end %d of %d, err %v; want %v", tc.name, end, len(tc.head), err, tc.want)
		}
	}
}

func TestScannerIsTiny(t *testing.T) {
	if size := unsafe.Sizeof(Scanner{}); size > 16 {
		t.Errorf("Scanner is %d bytes; a connection that waits for its request holds one", size)
	}
}
