package frame

import (
	"math"
	"testing"
)

// RFC 7692 6: RSV1 is of the first frame, and says something of the whole message.
func TestDecoderRSV1_IsTheMessages(t *testing.T) {
	in := fromHex(t, "42 01 61 89 01 70 00 01 62 80 01 63 82 01 64 c2 01 65 89 00 81 01 66")
	var d Decoder
	d.Reset(Client, Limits{})
	d.AllowRSV1(true)
	want := []bool{true, true, true, true, false, true, true, false} // a ping changes nothing
	for i, rsv1 := range want {
		ev, n, err := d.Next(in)
		if err != nil || d.RSV1() != rsv1 {
			t.Fatalf("event %d: %+v, %v", i, ev, err)
		}
		in = in[n:]
	}
}

// What text says once it is inflated is not known here.
func TestDecoderRSV1_TextIsNotChecked(t *testing.T) {
	for _, hex := range []string{"c1 02 ff ff", "41 01 ff 80 01 ff"} {
		var d Decoder
		d.Reset(Client, Limits{})
		d.AllowRSV1(true)
		for in := fromHex(t, hex); len(in) > 0; {
			_, n, err := d.Next(in)
			if err != nil {
				t.Fatalf("%s: %v", hex, err)
			}
			in = in[n:]
		}
	}
}

func TestDecoderReset_TakesRSV1Back(t *testing.T) {
	var d Decoder
	d.Reset(Client, Limits{})
	d.AllowRSV1(true)
	d.AllowRSV1(false)
	if _, _, err := d.Next(fromHex(t, "c1 00")); err != errReservedBits {
		t.Errorf("not allowed any more: %v", err)
	}
	d.AllowRSV1(true)
	d.Reset(Client, Limits{})
	if _, _, err := d.Next(fromHex(t, "c1 00")); err != errReservedBits {
		t.Errorf("after Reset: %v", err)
	}
}

// A message of the most bytes may not compress, and is sent compressed all the same.
func TestDecoderRSV1_SizeLeavesRoomForWhatDoesNotCompress(t *testing.T) {
	size := func(first byte, n uint16) error {
		var d Decoder
		d.Reset(Client, Limits{MaxMessageSize: 1000})
		d.AllowRSV1(true)
		_, _, err := d.Next([]byte{first, length16, byte(n >> 8), byte(n)})
		return err
	}
	for _, c := range []struct {
		first byte
		n     uint16
		want  error
	}{{0x82, 1000, nil}, {0x82, 1001, ErrMessageTooBig}, {0xc2, 3024, nil}, {0xc2, 3025, ErrMessageTooBig}} {
		if err := size(c.first, c.n); err != c.want {
			if fault, ok := err.(*Error); !ok || fault != c.want {
				t.Errorf("%#x with %d bytes: %v, want %v", c.first, c.n, err, c.want)
			}
		}
	}
	if n := compressedSize(math.MaxInt64); n != math.MaxInt64 {
		t.Errorf("no limit became %d", n)
	}
}

func TestTextCheck_AgreesWithTheDecoderAtEveryCut(t *testing.T) {
	for text, want := range map[string]int{"": 0, "a": 1, "é": 2, "a\xc3": 1, "\xff": 0, "€uro": 6, "€\xe2\x82": 4, "\U0001F600\xf5": 4} {
		for cut := range len(text) + 1 {
			var c TextCheck
			n := c.Accept([]byte(text[:cut]), false)
			if n == cut {
				n += c.Accept([]byte(text[cut:]), true)
			}
			if n != want {
				t.Errorf("%q cut at %d: %d good bytes, want %d", text, cut, n, want)
			}
		}
	}
}
