package topics

import (
	"bytes"
	"testing"
	"time"

	"github.com/framerail/framerail/conn"
)

// What is read is what was written: Data has one form only.
func FuzzPacket(f *testing.F) {
	h := header{kindMessage, 0x0102030405060708, number{3, 400}}
	for _, m := range []conn.Message{
		{Type: conn.Text, Payload: []byte("hello")}, {Type: conn.Binary, Key: "k", Payload: []byte{0}}, {Type: conn.Text, Valid: true, Uncompressed: true},
	} {
		f.Add(appendMessage(h.append(nil), m))
	}
	f.Add(header{kindLast, 7, number{1, 2}}.append(nil))
	f.Add(append(header{kindCensus, 7, number{}}.append(nil), 1, 0, 1, 2, 1, 'a'))
	f.Add([]byte{format, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0x80, 0x00, 1}) // a number that is longer than it must be
	f.Fuzz(func(t *testing.T, data []byte) {
		before := bytes.Clone(data)
		h, rest, err := readHeader(data)
		if err != nil {
			return
		}
		again := h.append(nil)
		if whole := h.before(append(body(0), rest...)); !bytes.Equal(whole, data) {
			t.Errorf("%x is put together as %x", data, whole)
		}
		switch h.kind {
		case kindMessage:
			m, err := readMessage(rest)
			if err != nil {
				return
			}
			again = appendMessage(again, m)
		case kindCensus:
			_ = new(link).receiveCensus("", header{}, rest[:min(len(rest), 3)]) // too short: it must not panic
			again = append(again, rest...)
		}
		if !bytes.Equal(again, data) || !bytes.Equal(before, data) {
			t.Errorf("%x is read as %x", before, again)
		}
	})
}

func TestNumber_Compare(t *testing.T) {
	for _, test := range []struct {
		n, known number
		isKnown  bool
		want     verdict
	}{
		{number{1, 1}, number{}, false, fresh},
		{number{1, 9}, number{}, false, fresh},
		{number{1, 2}, number{1, 1}, true, fresh},
		{number{1, 1}, number{1, 1}, true, old},
		{number{1, 3}, number{1, 1}, true, missing},
		{number{2, 1}, number{1, 9}, true, fresh},
		{number{2, 2}, number{1, 9}, true, missing},
		{number{1, 10}, number{2, 1}, true, old},
	} {
		expect(t, "verdict", test.n.compare(test.known, test.isKnown), test.want)
	}
}

// The outbox is bounded in bytes. What is published in any case is numbered, so that others notice.
func TestOutbox_IsBounded(t *testing.T) {
	l := &link{wake: make(chan struct{}, 1)}
	o := &l.outbox
	o.most = 10_000
	body := func() []byte { return append(body(0), make([]byte, 1000)...) }
	n := 0
	for ; ; n++ {
		if _, ok := o.add(l, kindMessage, "a", History{}, body(), false); !ok {
			break
		}
	}
	if n < 5 || n > 10 {
		t.Errorf("%d messages fit", n)
	}
	number, ok := o.add(l, kindMessage, "a", History{}, body(), true)
	expect(t, "there is room", ok, false)
	expect(t, "number", number.n, uint64(n+1))
	expect(t, "lost", o.lost, 1)
	expect(t, "batch", len(o.peek()), n)
	o.remove(n, false, false)
	expect(t, "bytes", o.bytes, 0)
	number, ok = o.add(l, kindMessage, "a", History{}, body(), false)
	expect(t, "there is room", ok, true)
	expect(t, "number", number.n, uint64(n+2))
	for range 2 {
		o.passes((refusedPauses + 1) * firstPause)
		o.peek()
		o.remove(0, true, false)
	}
	expect(t, "a message that the broker refuses", o.lost, 2)
	expect(t, "it waits", o.waits(), false)
}

// A quiet publisher repeats its last number a few times, and then its series ends.
func TestOutbox_RepeatsTheLastNumber(t *testing.T) {
	l := &link{wake: make(chan struct{}, 1)}
	o := &l.outbox
	o.most = 10_000
	for range 3 {
		o.add(l, kindMessage, "a", History{}, body(0), true)
	}
	o.remove(3, false, false)
	now, repeated := time.Now(), 0
	for second := range 20 {
		now = now.Add(time.Second)
		if second == 1 {
			o.add(l, kindMessage, "a", History{}, body(0), true)
			o.remove(1, false, false)
		}
		o.repeat(l, now.Add(time.Millisecond))
		for _, p := range o.peek() {
			h, _, err := readHeader(p.Data)
			if err != nil || h.kind != kindLast || h.number != (number{1, 4}) || p.Topic != "a" {
				t.Errorf("%+v: %v", h, err)
			}
			repeated++
			o.remove(1, false, false)
		}
	}
	expect(t, "repetitions", repeated, len(repeats))
	expect(t, "topics", len(o.topics), 0)
	n, _ := o.add(l, kindMessage, "a", History{}, body(0), true)
	expect(t, "another series", n, number{2, 1})
}
