package load

import (
	"strings"
	"testing"
)

// labelOf is the label of a message.
func labelOf(sequence int64, connection int) (l label) {
	putNumber(l[:connectionAt], uint64(sequence))
	putNumber(l[connectionAt:], uint64(connection))
	return l
}

func appended(f *form, size int, sequence int64, connection int, due int64) []byte {
	l := labelOf(sequence, connection)
	return f.append(nil, size, &l, sequence, connection, due)
}

// A label counts as the numbers do, also where many digits change at once.
func TestLabel_CountsOn(t *testing.T) {
	if l := newLabel(77); l != labelOf(0, 77) {
		t.Errorf("it begins with %q", l)
	}
	for _, from := range []int64{0, 1<<12 - 3, 1<<36 - 3} {
		l := labelOf(from, 77)
		for n := from; n < from+200; n++ {
			if l != labelOf(n, 77) {
				t.Fatalf("%d: %q", n, l)
			}
			l.next()
		}
	}
}

// What is taken for the echo that comes next has its label and its length.
func TestForm_KnowsTheNextEcho(t *testing.T) {
	f := newForm(&Traffic{Verify: Sequence})
	l := labelOf(12, 3)
	b := appended(f, 20, 12, 3, 0)
	if !f.isEcho(b, &l, 20) || f.isEcho(b, &l, 21) {
		t.Errorf("%q", b)
	}
	for i := range l {
		b[i] ^= 4
		if f.isEcho(b, &l, 20) {
			t.Errorf("byte %d may be any", i)
		}
		b[i] ^= 4
	}
	for _, other := range []Traffic{{Verify: Full}, {Verify: Sequence, Template: "{} "}} {
		f := newForm(&other)
		if b := appended(f, 20, 12, 3, 0); f.isEcho(b, &l, len(b)) {
			t.Errorf("%+v is not looked at", other)
		}
	}
}

// Every byte of a message is looked at: one that changes makes it another or a corrupt one.
func TestForm_EveryByteCounts(t *testing.T) {
	for _, traffic := range []Traffic{
		{Verify: Full}, {Verify: Full, Binary: true}, {Verify: Full, Template: `{"m":"{}"}`},
	} {
		f := newForm(&traffic)
		b := appended(f, 300, 1<<40+7, 99, 0)
		if m, ok := f.echo(b); !ok || m.sequence != 1<<40+7 || m.connection != 99 || len(b) != 300+max(0, len(traffic.Template)-2) {
			t.Fatalf("%+v, %v: %q", m, ok, b)
		}
		for i := range b {
			b[i] ^= 4
			if _, ok := f.echo(b); ok {
				t.Errorf("byte %d may be any", i)
			}
			b[i] ^= 4
		}
		for n := range b {
			if _, ok := f.echo(b[:n]); ok {
				t.Errorf("%d of %d bytes are enough", n, len(b))
			}
		}
	}
}

// A delivery is found within what the server makes of it.
func TestForm_FindsDeliveries(t *testing.T) {
	f := newForm(&Traffic{Mode: Fanout, Verify: Full})
	b := `{"from":"x","text":"` + string(appended(f, 50, 12, 3, 456789)) + `","id":7}`
	m, found, ok := f.delivery([]byte(b))
	if !found || !ok || m != (mark{sequence: 12, connection: 3, due: 456789}) {
		t.Errorf("%+v, %v, %v", m, found, ok)
	}
	if _, found, _ := f.delivery([]byte(`{"join":"x"}`)); found {
		t.Error("found where there is none")
	}
	at := strings.Index(b, marker)
	for i := at + len(marker); i < at+50; i++ {
		wrong := []byte(b)
		wrong[i] ^= 4
		if m, _, ok := f.delivery(wrong); ok && m.due == 456789 {
			t.Errorf("byte %d may be any", i)
		}
	}
	for n := at + len(marker); n < at+50; n++ {
		if _, found, ok := f.delivery([]byte(b[:n])); !found || ok {
			t.Errorf("cut at %d: %v, %v", n, found, ok)
		}
	}
}

func TestForm_RaisesLengths(t *testing.T) {
	for _, mode := range []Mode{Echo, Fanout} {
		f := newForm(&Traffic{Mode: mode, Verify: Full})
		if got := len(appended(f, f.least(), 1, 1, 1)); got != f.least() {
			t.Errorf("%s: %d bytes, want %d", mode, got, f.least())
		}
	}
}
