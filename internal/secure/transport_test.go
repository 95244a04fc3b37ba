package secure

import (
	"bytes"
	"crypto/tls"
	"errors"
	"io"
	"math/rand/v2"
	"testing"

	"github.com/framerail/framerail/internal/test/tlsrecords"
	"github.com/framerail/framerail/internal/transport"
)

// Whatever pieces the transport below gives and takes, the bytes are those that were
// written: an interruption in the middle of a record costs nothing.
func TestTransport_AnyPiecesGiveTheSame(t *testing.T) {
	versions(t, func(t *testing.T, version uint16) {
		for seed := range uint64(8) {
			p := newPair(t, version, seed+1)
			rnd := rand.New(rand.NewPCG(seed, 1))
			up, down := noise(rnd, 200<<10), noise(rnd, 200<<10)
			go p.send(up, rnd.IntN(20_000)+1)
			heard := make(chan []byte, 1)
			go func() { b, _ := io.ReadAll(p.client); heard <- b }()
			got := p.converse(t, rnd, len(up), down)
			if !bytes.Equal(got, up) {
				t.Fatalf("seed %d: read %d bytes, which are not the %d sent", seed, len(got), len(up))
			}
			if b := <-heard; !bytes.Equal(b, down) {
				t.Fatalf("seed %d: the client read %d bytes, which are not the %d written", seed, len(b), len(down))
			}
			if p.link.calls < 100 {
				t.Errorf("seed %d: %d calls below, too few to mean anything", seed, p.link.calls)
			}
		}
	})
}

func noise(rnd *rand.Rand, n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(rnd.Uint32())
	}
	return b
}

// send has the client write b in pieces.
func (p *pair) send(b []byte, piece int) {
	for len(b) > 0 {
		n := min(piece, len(b))
		_, _ = p.client.Write(b[:n])
		b = b[n:]
	}
}

// converse reads so much, and meanwhile writes down and then the end.
func (p *pair) converse(t *testing.T, rnd *rand.Rand, much int, down []byte) (got []byte) {
	t.Helper()
	buf := make([]byte, 64<<10)
	ended := false
	for len(got) < much || len(down) > 0 || !ended || p.Held() > 0 {
		n, err := p.Read(buf[:1+rnd.IntN(len(buf))])
		got = append(got, buf[:n]...)
		if err != nil && err != transport.ErrWouldBlock && err != transport.ErrHeld {
			t.Fatal(err)
		}
		n, err = p.Write(pieces(rnd, down))
		if err != nil && err != transport.ErrWouldBlock || n < 0 || n > len(down) {
			t.Fatal(n, err)
		}
		if n == len(down) && err == nil && p.Held() > 0 {
			t.Fatal("bytes are held back of which nobody was told")
		}
		down = down[n:]
		if len(down) == 0 && !ended {
			err := p.CloseWrite()
			if err != nil && err != transport.ErrWouldBlock {
				t.Fatal(err)
			}
			ended = true
		}
	}
	return got
}

// pieces cuts b.
func pieces(rnd *rand.Rand, b []byte) (bufs [][]byte) {
	for len(b) > 0 && len(bufs) < 64 {
		n := min(1+rnd.IntN(1+rnd.IntN(40_000)), len(b))
		bufs = append(bufs, b[:n])
		b = b[n:]
	}
	return bufs
}

// What was sealed has been taken: a record more than the socket takes, and no more.
func TestTransport_TakesARecordMoreThanFits(t *testing.T) {
	p := newPair(t, 0, 0)
	payload := make([]byte, 1<<20)
	n, err := p.Write([][]byte{payload})
	if err != transport.ErrWouldBlock {
		t.Fatalf("%d bytes, %v", n, err)
	}
	if held := p.Held(); n > p.link.room+sealAtOnce || held == 0 || held > sealAtOnce+1000 {
		t.Errorf("took %d bytes with room for %d, and holds %d", n, p.link.room, held)
	}
	if more, err := p.Write([][]byte{payload[n:]}); more != 0 || err != transport.ErrWouldBlock {
		t.Errorf("took %d more while it held some back: %v", more, err)
	}
	read := make(chan int)
	go func() { b, _ := io.ReadAll(p.client); read <- len(b) }()
	total := n
	for total < len(payload) || p.Held() > 0 {
		m, err := p.Write([][]byte{payload[total:]})
		if err != nil && err != transport.ErrWouldBlock {
			t.Fatal(err)
		}
		total += m
	}
	if err := p.CloseWrite(); err != nil {
		t.Fatal(err)
	}
	if n := <-read; n != len(payload) {
		t.Errorf("the client has read %d bytes of %d", n, len(payload))
	}
}

// The frames of one turn, which come as several buffers, share a record.
func TestTransport_BuffersShareRecords(t *testing.T) {
	p := newPair(t, 0, 0)
	before := p.link.calls
	bufs := [][]byte{make([]byte, 300), make([]byte, 20), make([]byte, 600)}
	if n, err := p.Write(bufs); n != 920 || err != nil {
		t.Fatal(n, err)
	}
	p.link.mu.Lock()
	sent, calls := bytes.Clone(p.link.down), p.link.calls-before
	p.link.mu.Unlock()
	var r records
	r.came(sent)
	if r.whole != 1 || calls != 1 {
		t.Errorf("%d records in %d writes", r.whole, calls)
	}
}

// A read that is interrupted costs no second call below when the first had all.
func TestTransport_AsksNoMoreThanItMust(t *testing.T) {
	p := newPair(t, 0, 0)
	buf := make([]byte, 64<<10)
	if _, err := p.Read(buf); err != transport.ErrWouldBlock {
		t.Fatal(err)
	}
	if _, err := p.client.Write(make([]byte, 500)); err != nil {
		t.Fatal(err)
	}
	before := p.link.calls
	if n, err := p.Read(buf); n != 500 || err != nil {
		t.Fatal(n, err)
	}
	if calls := p.link.calls - before; calls != 1 || p.Unread() {
		t.Errorf("%d calls below for a record; more at hand: %v", calls, p.Unread())
	}
}

// Nothing tells of records that crypto/tls has taken in with another.
func TestTransport_ReadsAllThatHasCome(t *testing.T) {
	p := newPair(t, 0, 0)
	for range 5 {
		if _, err := p.client.Write(make([]byte, 100)); err != nil {
			t.Fatal(err)
		}
	}
	if n, err := p.Read(make([]byte, 64<<10)); n != 500 || err != nil && err != transport.ErrWouldBlock {
		t.Errorf("%d bytes of 500, %v", n, err)
	}
}

// What a small buffer leaves is at hand, although nothing arrives.
func TestTransport_SmallBufferLeavesSome(t *testing.T) {
	p := newPair(t, 0, 0)
	if _, err := p.client.Write([]byte("0123456789")); err != nil {
		t.Fatal(err)
	}
	buf := make([]byte, 6)
	if n, err := p.Read(buf); n != 6 || err != nil || !p.Unread() {
		t.Fatal(n, err, p.Unread())
	}
	if n, err := p.Read(buf); n != 4 || err != nil && err != transport.ErrWouldBlock || p.Unread() {
		t.Errorf("%d bytes, %v, more at hand: %v", n, err, p.Unread())
	}
}

func TestTransport_ErrorBelowIsForGood(t *testing.T) {
	p := newPair(t, 0, 0)
	p.link.mu.Lock()
	p.link.downEnd = true // every write fails
	p.link.mu.Unlock()
	for range 2 {
		if n, err := p.Write([][]byte{[]byte("x")}); err == nil || errors.Is(err, transport.ErrWouldBlock) {
			t.Errorf("%d bytes, %v", n, err)
		}
	}
}

// A peer that has every answer wait, and sends just enough data with what wants one, is
// cut before the answers take more than they may.
func TestTransport_AnswersThatWaitAreBounded(t *testing.T) {
	a := newAttempt(t, 0, tls.VersionTLS13)
	a.scratch = make([]byte, 1<<10)
	a.link.mu.Lock()
	a.link.room = 0
	a.link.mu.Unlock()
	most := 0
	for range 2 * maxAnswers {
		a.send(a.sealer.KeyUpdate(true))
		for range recordCost {
			a.send(a.sealer.Seal(tlsrecords.Data, a.data(1)))
		}
		if !a.take(false) {
			break
		}
		most = max(most, a.Held())
	}
	if !errors.Is(a.failed, errFlood) {
		t.Errorf("%d bytes of answers wait: %v", a.Held(), a.failed)
	}
	if most <= maxAnswers-sealAtOnce || most > maxAnswers {
		t.Errorf("%d bytes were let wait, want nearly %d", most, maxAnswers)
	}
}

func TestRecords_Follow(t *testing.T) {
	stream := []byte{23, 3, 3, 0, 3, 1, 2, 3, 23, 3, 3, 0, 0, 23, 3, 3, 1, 0}
	stream = append(stream, make([]byte, 256)...)
	for piece := 1; piece <= len(stream); piece++ {
		var r records
		for b := stream; len(b) > 0; b = b[min(piece, len(b)):] {
			r.came(b[:min(piece, len(b))])
		}
		if r.whole != 3 || r.left != 0 || r.have != 0 {
			t.Fatalf("in pieces of %d: %+v", piece, r)
		}
		r.came([]byte{23})
		if r.opened(); r.atRest() {
			t.Fatalf("in pieces of %d: at rest within a header", piece)
		}
	}
}

func TestRecords_WithoutDataAreBounded(t *testing.T) {
	empty := []byte{23, 3, 3, 0, 0}
	var r records
	n := 0
	for ; r.settle() && n < 1000; n++ {
		r.came(empty)
	}
	if n != recordDebt/recordCost+1 {
		t.Errorf("%d were let pass", n-1)
	}
	var paid records
	for range 10_000 {
		paid.came(empty)
		for range recordCost {
			paid.came(empty)
			paid.opened()
		}
		if !paid.settle() {
			t.Fatal("one to every four with data is too many")
		}
	}
}
