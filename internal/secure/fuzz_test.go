package secure

import (
	"bytes"
	"crypto/tls"
	"io"
	"net"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/framerail/framerail/internal/buffer"
	"github.com/framerail/framerail/internal/test/testcert"
	"github.com/framerail/framerail/internal/test/tlsrecords"
	"github.com/framerail/framerail/internal/transport"
)

// What comes in place of a TLS handshake, in any pieces, is never one: the handshake ends
// with an error, holds no more than its answers, and gives all of it back.
func FuzzHandshake(f *testing.F) {
	var hello bytes.Buffer
	_ = tls.Client(recorder{&hello}, quick(&tls.Config{InsecureSkipVerify: true})).Handshake()
	config := quick(testcert.Config().Clone())
	half := hello.Bytes()[:hello.Len()/2]
	for _, seed := range []string{
		hello.String(), hello.String() + hello.String(), string(half), string(half) + "garbage",
		"GET / HTTP/1.1\r\nHost: a\r\n\r\n", "\x16\x03\x01\x00\x00", "\x16\x03\x01\xff\xff", "\x15\x03\x03\x00\x02\x01\x00",
		"\x14\x03\x03\x00\x01\x01", "\x80\x2e\x01\x03\x01", "\x16\x03\x01\x00\x04\x01\xff\xff\xff", "",
	} {
		f.Add(uint64(0), []byte(seed))
		f.Add(uint64(1), []byte(seed))
	}
	f.Fuzz(func(t *testing.T, seed uint64, sent []byte) {
		below, pool := newLink(seed), new(buffer.Pool)
		below.up, below.upEnd = sent, true
		p := New(below, netip.AddrPort{}, config, pool)
		for scratch := make([]byte, 1<<10); !p.Heard() && p.hear(scratch) == nil; {
		}
		p.Begin((*sync.Cond).Wait, func(bool) { p.handshake.ready = true }) // all is there; Ready would lock mu again
		if err := p.Handshake(); err == nil {
			t.Fatal("the handshake went well")
		}
		if held := p.Held(); held > maxAnswers {
			t.Errorf("%d bytes of answers are held", held)
		}
		p.Plain()
		if err := p.Close(); err != nil {
			t.Error(err)
		}
		if n, _ := pool.Lent(); n != 0 {
			t.Errorf("%d buffers are still lent", n)
		}
	})
}

// quick has a key exchange that costs little: it is not what is looked at.
func quick(c *tls.Config) *tls.Config {
	c.CurvePreferences = []tls.CurveID{tls.CurveP256}
	return c
}

// recorder is a peer that listens and says nothing.
type recorder struct{ *bytes.Buffer }

func (recorder) Read([]byte) (int, error)         { return 0, io.EOF }
func (recorder) Close() error                     { return nil }
func (recorder) LocalAddr() net.Addr              { return nil }
func (recorder) RemoteAddr() net.Addr             { return nil }
func (recorder) SetDeadline(time.Time) error      { return nil }
func (recorder) SetReadDeadline(time.Time) error  { return nil }
func (recorder) SetWriteDeadline(time.Time) error { return nil }

// Records of every kind, right and wrong, cut anywhere, in both versions: what was sealed
// rightly before the first that is wrong arrives exactly, and then an error; what is
// answered meanwhile arrives at the client exactly; records without data have a bound.
func FuzzRecords(f *testing.F) {
	for _, script := range []string{
		"d\x05d\x00d\xffn", "D\x40D\x40D\x41d\x01n", "d\x05u\x01d\x05u\x00d\x05n", "d\x10g\x33d\x10", "d\x10c\x08", "d\x10x\x05d\x05",
		"w\x20d\x20w\xffd\x20n", "h\x01d\x05", "a\x5ad\x05", "e\x01d\x02e\x01d\x02n", "p\x20d\x03n", "t\x17d\x05", "o\x00d\x05", "r\x03d\x05n",
		string(bytes.Repeat([]byte("u\x01"), 100)), string(bytes.Repeat([]byte("u\x01d\x01"), 200)), string(bytes.Repeat([]byte("e\x01"), 40)),
	} {
		for _, seed := range []uint64{0, 1} {
			f.Add(seed, false, []byte(script))
			f.Add(seed, true, []byte(script))
		}
	}
	f.Fuzz(func(t *testing.T, seed uint64, old bool, script []byte) {
		if len(script) > 1<<10 {
			return
		}
		version := uint16(tls.VersionTLS13)
		if old {
			version = tls.VersionTLS12
		}
		a := newAttempt(t, seed, version)
		for ; len(script) >= 2; script = script[2:] {
			a.step(script[0], int(script[1]))
			if !a.take(false) {
				break
			}
		}
		a.finish()
	})
}

// attemptBytes is how much is sent each way in large pieces: a few of the largest records
// show what many would.
const attemptBytes = 48 << 10

// attempt is a client that makes its records by hand, and what must come of them.
type attempt struct {
	*pair
	t       *testing.T
	version uint16
	sealer  *tlsrecords.Sealer
	scratch []byte

	said    byte   // for contents that differ
	due     []byte // what was sealed rightly and has not been read
	bytes   int    // of that, in all
	empty   int    // records without data
	asked   int    // key updates that ask for one in return
	wrong   string // the first that was wrong; "": none
	ended   bool   // the client has said close_notify
	failed  error  // of reading
	written []byte // what the server has been given to write
}

func newAttempt(t *testing.T, seed uint64, version uint16) *attempt {
	var secrets bytes.Buffer
	a := &attempt{t: t, version: version, scratch: make([]byte, 1<<(seed%17))}
	a.pair = newPairWith(t, tlsrecords.Config(quick(&tls.Config{InsecureSkipVerify: true}), version, &secrets), 0)
	a.link.room = 8 << 20
	a.link.split(seed) // from here on: pieces of the handshake are FuzzHandshake's
	sealer, err := tlsrecords.New(a.client.ConnectionState(), secrets.String(), a.link.first)
	if err != nil {
		t.Skip(err)
	}
	a.sealer = sealer
	return a
}

// send has bytes arrive.
func (a *attempt) send(b []byte) {
	a.link.mu.Lock()
	a.link.up = append(a.link.up, b...)
	a.link.mu.Unlock()
}

// data is content that differs from that before.
func (a *attempt) data(n int) string {
	a.said++
	b := bytes.Repeat([]byte{a.said}, n)
	if a.counts() {
		a.due = append(a.due, b...)
		a.bytes += n
		if n == 0 {
			a.empty++
		}
	}
	return string(b)
}

// counts tells whether what is sent now is to be read.
func (a *attempt) counts() bool { return a.wrong == "" && !a.ended }

// bad notes that something wrong is sent.
func (a *attempt) bad(what string) {
	if a.counts() {
		a.wrong = what
	}
}

// step is one thing that the client, or the server, does.
func (a *attempt) step(op byte, arg int) {
	switch op {
	case 'd':
		a.send(a.sealer.Seal(tlsrecords.Data, a.data(arg)))
	case 'D': // up to the largest record, and beyond it
		if arg > 64 {
			a.bad("a record too long")
		} else if a.bytes > attemptBytes {
			arg = 1
		}
		a.send(a.sealer.Seal(tlsrecords.Data, a.data(min(256*arg, 16<<10+256))))
	case 'g': // a byte of a record is another
		a.bad("a changed record")
		record := a.sealer.Seal(tlsrecords.Data, "changed")
		record[arg%len(record)] ^= 1 | byte(arg)
		a.send(record)
	case 'c':
		a.bad("a record that is cut")
		record := a.sealer.Seal(tlsrecords.Data, "cut in the middle")
		a.send(record[:arg%len(record)])
	case 'x':
		a.bad("no record")
		a.send(bytes.Repeat([]byte{byte(arg)}, 6))
	case 'o': // a record left out
		a.bad("a record left out")
		a.sealer.Seal(tlsrecords.Data, "left out")
		a.send(a.sealer.Seal(tlsrecords.Data, "the next"))
	case 'r': // again
		record := a.sealer.Seal(tlsrecords.Data, a.data(arg))
		a.bad("a record that came before")
		a.send(record)
		a.send(record)
	case 'u':
		if a.version == tls.VersionTLS12 {
			return
		}
		if a.counts() {
			a.empty++
		}
		a.asked += arg & 1
		a.send(a.sealer.KeyUpdate(arg&1 == 1))
	case 'e':
		a.send(a.sealer.Seal(tlsrecords.Data, a.data(0)))
	default:
		a.otherStep(op, arg)
	}
}

// otherStep is step for what is not data.
func (a *attempt) otherStep(op byte, arg int) {
	switch op {
	case 'n':
		a.send(a.sealer.Seal(tlsrecords.Alert, tlsrecords.CloseNotify))
		a.ended = a.ended || a.wrong == ""
	case 'a': // an alert that is for good, or no alert
		a.bad("an alert")
		a.send(a.sealer.Seal(tlsrecords.Alert, string([]byte{2, byte(arg)})[:1+arg%2]))
	case 'h': // a message of the handshake that has no place here
		a.bad("a message of the handshake")
		a.send(a.sealer.Seal(tlsrecords.Handshake, string([]byte{byte(arg % 3), 0, 0, 0})))
	case 't':
		if arg != tlsrecords.Data && arg != tlsrecords.Alert && arg != tlsrecords.Handshake && arg != 0 {
			a.bad("a record of no known type")
			a.send(a.sealer.Seal(byte(arg), "?"))
		}
	case 'w':
		if len(a.written) > attemptBytes {
			arg &= 1
		}
		b := bytes.Repeat([]byte{byte(arg)}, 64*arg)
		n, err := a.Write([][]byte{b})
		a.written = append(a.written, b[:n]...)
		if err != nil && err != transport.ErrWouldBlock && a.failed == nil && a.wrong == "" {
			a.t.Fatalf("writing: %v", err)
		}
	}
}

// take reads what has come, or with all until nothing can be left. It returns false once
// reading has failed.
func (a *attempt) take(all bool) bool {
	for idle := 0; a.failed == nil && idle < 64; idle++ {
		n, err := a.Read(a.scratch)
		if !bytes.HasPrefix(a.due, a.scratch[:n]) {
			a.t.Fatalf("read %d bytes that are not what was sent", n)
		}
		a.due = a.due[n:]
		if held := a.Held(); held > maxAnswers+sealAtOnce+2*overhead {
			a.t.Fatalf("%d bytes are held", held)
		}
		if err != nil && err != transport.ErrWouldBlock && err != transport.ErrHeld {
			a.failed = err
		}
		if n > 0 {
			idle = 0
		}
		if !all && err == transport.ErrWouldBlock {
			break
		}
	}
	return a.failed == nil
}

// finish ends the stream, and looks at what has become of it all.
func (a *attempt) finish() {
	a.link.mu.Lock()
	a.link.upEnd = true
	a.link.mu.Unlock()
	for range 1 << 10 {
		if !a.take(true) {
			break
		}
	}
	flood := a.failed != nil && strings.Contains(a.failed.Error(), "too many")
	// Where a record claims to be longer than it is, the end comes first.
	longer := a.wrong == "a record that is cut" || a.wrong == "a changed record" || a.wrong == "no record"
	switch {
	case a.failed == nil:
		a.t.Fatal("the end of the stream was not seen")
	case flood && a.empty <= 8:
		a.t.Fatalf("%d records without data are too many: %v", a.empty, a.failed)
	case flood:
		return
	case a.wrong == "" && recordCost*a.empty-a.bytes > 2*recordDebt:
		a.t.Fatalf("%d records without data, and %d bytes, are not too many: %v", a.empty, a.bytes, a.failed)
	case len(a.due) > 0:
		a.t.Fatalf("%d bytes did not arrive that were sealed rightly: %v", len(a.due), a.failed)
	case a.wrong != "" && (a.failed == io.EOF || a.failed == transport.ErrTruncated && !longer):
		a.t.Fatalf("%s was taken for the end: %v", a.wrong, a.failed)
	case a.wrong == "" && a.ended != (a.failed == io.EOF):
		a.t.Fatalf("close_notify %v, and the end is %v", a.ended, a.failed)
	case a.wrong == "" && !a.ended && a.failed != transport.ErrTruncated:
		a.t.Fatalf("the end is %v", a.failed)
	}
	if a.wrong == "" {
		a.hear()
	}
}

// hear looks at what the client was sent.
func (a *attempt) hear() {
	for range 1 << 10 {
		if a.CloseWrite() == nil {
			break
		}
	}
	got, err := io.ReadAll(a.client)
	if err != nil && a.asked > 16 && strings.Contains(err.Error(), "too many") && bytes.HasPrefix(a.written, got) {
		return // which is what crypto/tls's client says to so many in a row
	}
	if err != nil || !bytes.Equal(got, a.written) {
		a.t.Fatalf("the client read %d bytes of %d: %v", len(got), len(a.written), err)
	}
}
