package load

import (
	"bytes"
	"hash/crc32"
	"math/rand/v2"
	"strings"
)

// A message begins with a header of characters that any text may have. Each stands for 6 bits:
//
//	sequence 8   connection 4   checksum 6
//
// With Fanout a marker stands before it, so that it is found within what a server makes of it, and
// behind it stand the time at which the message was due, and the length of the rest:
//
//	marker 4   sequence 8   connection 4   checksum 6   time 8   rest 4
//
// The rest is words, or any bytes if the message is binary.
const (
	sequenceAt   = 0
	connectionAt = 8
	checksumAt   = 12
	headerSize   = 18
	timeAt       = 18
	restAt       = 26
	longHeader   = 30

	marker = "fRl~"
)

const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"

// digits is the value of each byte of the alphabet, and 0xff for others.
var digits = func() (d [256]byte) {
	for i := range d {
		d[i] = 0xff
	}
	for i := range len(alphabet) {
		d[alphabet[i]] = byte(i)
	}
	return d
}()

func putNumber(b []byte, n uint64) {
	for i := len(b) - 1; i >= 0; i-- {
		b[i] = alphabet[n&63]
		n >>= 6
	}
}

func number(b []byte) (n uint64, ok bool) {
	var all byte
	for _, c := range b {
		d := digits[c]
		all |= d
		n = n<<6 | uint64(d&63)
	}
	return n, all < 64
}

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// checksum is that of a message without its own field.
func checksum(b []byte) uint64 {
	return uint64(crc32.Update(crc32.Checksum(b[:checksumAt], castagnoli), castagnoli, b[headerSize:]))
}

// form writes and reads the messages of a run. It does not change.
type form struct {
	prefix, suffix string
	long           bool // with marker, time and length
	sums           bool
	noise          []byte
}

// noiseSize is how much there is of what messages are filled with.
const noiseSize = 64 << 10

func newForm(t *Traffic) *form {
	f := &form{long: t.Mode == Fanout, sums: t.Verify == Full, noise: make([]byte, 0, noiseSize)}
	if t.Template != "" {
		f.prefix, f.suffix, _ = strings.Cut(t.Template, "{}")
	}
	random := rand.New(rand.NewPCG(t.Seed, 1))
	words := strings.Fields("the a of rail frame loop wave north river seven light under message paper green")
	for len(f.noise) < noiseSize {
		if t.Binary {
			f.noise = append(f.noise, byte(random.Uint32()))
			continue
		}
		f.noise = append(append(f.noise, words[random.IntN(len(words))]...), ' ')
	}
	f.noise = f.noise[:noiseSize]
	return f
}

// least is the shortest message, without what stands around it.
func (f *form) least() int {
	if f.long {
		return len(marker) + longHeader
	}
	return headerSize
}

// label is the part of the header that tells messages apart: sequence and connection.
type label [checksumAt]byte

func newLabel(connection int) (l label) {
	putNumber(l[:connectionAt], 0)
	putNumber(l[connectionAt:], uint64(connection))
	return l
}

// next goes on to the next sequence number.
func (l *label) next() {
	for i := connectionAt - 1; i >= 0; i-- {
		d := (digits[l[i]] + 1) & 63
		l[i] = alphabet[d]
		if d != 0 {
			return
		}
	}
}

// append appends a message of size bytes, and what stands around it. The label is that of the sequence
// number and the connection.
func (f *form) append(b []byte, size int, l *label, sequence int64, connection int, due int64) []byte {
	b = append(b, f.prefix...)
	header := headerSize
	if f.long {
		b = append(b, marker...)
		size -= len(marker)
		header = longHeader
	}
	start := len(b)
	b = append(b, "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"[:header]...)
	// Each message begins elsewhere in the noise, so that one that is taken for another shows.
	at := int(uint64(sequence)*31+uint64(connection)*17) % noiseSize
	for left := size - header; left > 0; at = 0 {
		n := min(left, noiseSize-at)
		b = append(b, f.noise[at:at+n]...)
		left -= n
	}
	m := b[start:]
	copy(m, l[:])
	if f.long {
		putNumber(m[timeAt:restAt], uint64(due))
		putNumber(m[restAt:longHeader], uint64(len(m)-longHeader))
	}
	if f.sums {
		putNumber(m[checksumAt:headerSize], checksum(m))
	}
	return append(b, f.suffix...)
}

// mark is what a message says of itself.
type mark struct {
	sequence   int64
	connection int
	due        int64 // with a long header alone
}

// isEcho reports whether a message is one of that label and size. false: echo tells more.
func (f *form) isEcho(b []byte, l *label, size int) bool {
	return len(b) == size && !f.sums && len(f.prefix) == 0 && len(f.suffix) == 0 && string(b[:checksumAt]) == string(l[:])
}

// echo reads a message that has come back as it was.
func (f *form) echo(b []byte) (m mark, ok bool) {
	if len(b) < len(f.prefix)+headerSize+len(f.suffix) || string(b[:len(f.prefix)]) != f.prefix ||
		string(b[len(b)-len(f.suffix):]) != f.suffix {
		return m, false
	}
	return f.read(b[len(f.prefix) : len(b)-len(f.suffix)])
}

// delivery finds a message within what has come. found is false if there is none, and ok if it is
// not as it was.
func (f *form) delivery(b []byte) (m mark, found, ok bool) {
	at := bytes.Index(b, []byte(marker))
	if at < 0 {
		return m, false, false
	}
	b = b[at+len(marker):]
	if len(b) < longHeader {
		return m, true, false
	}
	due, ok := number(b[timeAt:restAt])
	rest, ok2 := number(b[restAt:longHeader])
	if !ok || !ok2 || rest > uint64(len(b)-longHeader) {
		return m, true, false
	}
	m, ok = f.read(b[:longHeader+int(rest)])
	m.due = int64(due)
	return m, true, ok
}

// read reads the part of the header that all messages have.
func (f *form) read(b []byte) (m mark, ok bool) {
	sequence, ok := number(b[sequenceAt:connectionAt])
	connection, ok2 := number(b[connectionAt:checksumAt])
	m = mark{sequence: int64(sequence), connection: int(connection)}
	if !ok || !ok2 {
		return m, false
	}
	if f.sums {
		sum, ok := number(b[checksumAt:headerSize])
		return m, ok && sum == checksum(b)
	}
	return m, true
}
