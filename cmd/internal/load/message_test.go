package load

import (
	"strings"
	"testing"
)

// Every byte of a message is looked at: one that changes makes it another or a corrupt one.
func TestForm_EveryByteCounts(t *testing.T) {
	for _, traffic := range []Traffic{
		{Verify: Full}, {Verify: Full, Binary: true}, {Verify: Full, Template: `{"m":"{}"}`},
	} {
		f := newForm(&traffic)
		b := f.append(nil, 300, 1<<40+7, 99, 0)
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
	b := `{"from":"x","text":"` + string(f.append(nil, 50, 12, 3, 456789)) + `","id":7}`
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
		if got := len(f.append(nil, f.least(), 1, 1, 1)); got != f.least() {
			t.Errorf("%s: %d bytes, want %d", mode, got, f.least())
		}
	}
}
