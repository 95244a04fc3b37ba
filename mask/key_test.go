package mask

import "testing"

func TestKeyFirstWireByteIsLowest(t *testing.T) {
	if k := KeyFromBytes([4]byte{1, 2, 3, 4}); k != 0x04030201 {
		t.Errorf("got %#x, want 0x04030201", uint32(k))
	}
}

func TestKeyBytesIsTheInverse(t *testing.T) {
	for _, want := range [][4]byte{{}, {1, 2, 3, 4}, {0xff, 0, 0x80, 0x7f}, {0xff, 0xff, 0xff, 0xff}} {
		if got := KeyFromBytes(want).Bytes(); got != want {
			t.Errorf("got % x, want % x", got, want)
		}
	}
}

func TestKeyRotate(t *testing.T) {
	k := KeyFromBytes([4]byte{1, 2, 3, 4})
	for _, c := range []struct {
		n    int
		want [4]byte
	}{
		{0, [4]byte{1, 2, 3, 4}},
		{1, [4]byte{2, 3, 4, 1}},
		{2, [4]byte{3, 4, 1, 2}},
		{3, [4]byte{4, 1, 2, 3}},
		{4, [4]byte{1, 2, 3, 4}},
		{1<<31 - 1, [4]byte{4, 1, 2, 3}},
		{-1, [4]byte{4, 1, 2, 3}},
		{-1 << 31, [4]byte{1, 2, 3, 4}},
	} {
		if got := k.Rotate(c.n).Bytes(); got != c.want {
			t.Errorf("Rotate(%d): got % x, want % x", c.n, got, c.want)
		}
	}
}

func TestKeyRotateOfAnyLength(t *testing.T) {
	k := KeyFromBytes([4]byte{1, 2, 3, 4})
	for shift := range 62 {
		for n := 1<<shift - 3; n <= 1<<shift+3; n++ {
			want := [4]byte{1, 2, 3, 4}
			for range n & 3 {
				want = [4]byte{want[1], want[2], want[3], want[0]}
			}
			if got := k.Rotate(n).Bytes(); got != want {
				t.Errorf("Rotate(%d): got % x, want % x", n, got, want)
			}
		}
	}
}
