package wire

import (
	"bytes"
	"testing"
)

// frameOf is one unmasked frame of a short payload.
func frameOf(first byte, payload []byte) []byte {
	return append([]byte{first, byte(len(payload))}, payload...)
}

func TestDeflatedEcho_CutAnywhere(t *testing.T) {
	payload := Prose(300, 1)
	compressed, err := Deflate(payload, 15)
	if err != nil {
		t.Fatal(err)
	}
	half := len(compressed) / 2
	input := append(frameOf(rsv1|Text, compressed[:half]), frameOf(fin|Continuation, compressed[half:])...)
	for cut := range input {
		e := DeflatedEcho{Inflater: new(Inflater)}
		e.Expect(Text, payload)
		if done, err := e.Feed(input[:cut]); done || err != nil {
			t.Fatalf("cut at %d: done %v, %v", cut, done, err)
		}
		if done, err := e.Feed(input[cut:]); !done || err != nil {
			t.Fatalf("behind %d: done %v, %v", cut, done, err)
		}
	}
}

func TestDeflatedEcho_RefusesAnythingElse(t *testing.T) {
	payload := []byte("abc")
	compressed, err := Deflate(payload, 15)
	if err != nil {
		t.Fatal(err)
	}
	other, _ := Deflate([]byte("abd"), 15)
	longer, _ := Deflate([]byte("abcabcabc"), 15)
	for name, input := range map[string][]byte{
		"other_bytes":          frameOf(fin|rsv1|Text, other),
		"too_long":             frameOf(fin|rsv1|Text, longer),
		"too_short":            frameOf(fin|Text, payload[:2]),
		"not_compressed":       frameOf(fin|Text, compressed),
		"not_marked":           frameOf(fin|rsv1|Text, payload),
		"other_type":           frameOf(fin|rsv1|Binary, compressed),
		"marked_later":         append(frameOf(rsv1|Text, compressed[:1]), frameOf(fin|rsv1|Continuation, compressed[1:])...),
		"bytes_behind":         append(frameOf(fin|rsv1|Text, compressed), 0),
		"masked":               {fin | Text, masked | 3, 0, 0, 0, 0, 'a', 'b', 'c'},
		"refers_to_no_context": frameOf(fin|rsv1|Text, []byte{0x02, 0x13, 0x00, 0x00}),
	} {
		e := DeflatedEcho{Inflater: new(Inflater)}
		e.Expect(Text, payload)
		if done, err := e.Feed(input); err == nil {
			t.Errorf("%s: accepted, done %v", name, done)
		}
	}
}

func TestProse_Compresses(t *testing.T) {
	one, two := Prose(1000, 1), Prose(1000, 2)
	if bytes.Equal(one, two) || len(one) != 1000 {
		t.Error("prose of two seeds is the same, or not as long as asked for")
	}
	for _, bits := range []int{8, 9, 15} {
		if c, err := Deflate(one, bits); err != nil || len(c) > 700 {
			t.Errorf("%d bits: %d bytes, %v", bits, len(c), err)
		}
	}
}
