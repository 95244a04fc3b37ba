package deflate

import "math/bits"

// The alphabets of RFC 1951 3.2.5 and 3.2.7.
const (
	maxCodeLen   = 15
	endOfBlock   = 256
	maxLiterals  = 286 // symbols of literals and lengths
	maxDistances = 30
	lengthCodes  = 19 // symbols of code lengths
	fixedSymbols = 288
	maxMatch     = 258
)

// An entry is what a code stands for: in the low four bits the code's length, 0 for
// one that stands for nothing; then how many extra bits follow it, what it is, and
// its value.
type entry uint32

const (
	entryLen   = 15
	entryExtra = 4 // shift, four bits
	entryValue = 16

	entryLiteral entry = 1 << 8
	entryEnd     entry = 1 << 9
	entryLong    entry = 1 << 10 // longer than the table's index: see tree.long
)

func (e entry) len() uint   { return uint(e & entryLen) }
func (e entry) extra() uint { return uint(e>>entryExtra) & 15 }
func (e entry) value() int  { return int(e >> entryValue) }

// What each symbol stands for, without the length of its code: 0 for those that may
// not occur.
var (
	literalSymbols  = makeLiterals()
	distanceSymbols = makeDistances()
	lengthSymbols   = makeLengths()
)

// makeLiterals is the first table of RFC 1951 3.2.5.
func makeLiterals() (s [fixedSymbols]entry) {
	for i := range 256 {
		s[i] = entryLiteral | entry(i)<<entryValue
	}
	s[endOfBlock] = entryEnd
	base := 3
	for i := 257; i < 285; i++ {
		extra := max(0, (i-261)/4)
		s[i] = entry(base)<<entryValue | entry(extra)<<entryExtra
		base += 1 << extra
	}
	s[285] = maxMatch << entryValue
	return s
}

// makeDistances is the second table of RFC 1951 3.2.5.
func makeDistances() (s [fixedSymbols]entry) {
	base := 1
	for i := range maxDistances {
		extra := max(0, i/2-1)
		s[i] = entry(base)<<entryValue | entry(extra)<<entryExtra
		base += 1 << extra
	}
	return s
}

// makeLengths is the alphabet of RFC 1951 3.2.7.
func makeLengths() (s [fixedSymbols]entry) {
	for i := range lengthCodes {
		s[i] = entryLiteral | entry(i)<<entryValue
	}
	return s
}

// tree decodes a prefix code (RFC 1951 3.2.2). Codes of up to treeBits bits are
// found at once, longer ones bit by bit.
type tree struct {
	table   [1 << treeBits]entry
	count   [maxCodeLen + 1]uint16 // codes by length
	symbols [fixedSymbols]uint16   // in the order of their codes
}

// treeBits trades the time to fill the table for how often it is enough.
const treeBits = 9

// init makes the tree for the lengths of each symbol's code, meanings telling what
// the symbols stand for. The code must be complete, or else have a single code of
// one bit, or none; those that occur then must not.
func (t *tree) init(lengths []uint8, meanings *[fixedSymbols]entry) bool {
	t.count = [maxCodeLen + 1]uint16{}
	for _, n := range lengths {
		t.count[n]++
	}
	used := len(lengths) - int(t.count[0])
	t.count[0] = 0
	left := 1
	for _, n := range t.count[1:] {
		left = left<<1 - int(n)
		if left < 0 {
			return false // over-subscribed
		}
	}
	if left > 0 && used > 0 && (used != 1 || t.count[1] != 1) {
		return false // incomplete
	}

	// RFC 1951 3.2.2: codes of one length come in the order of their symbols.
	var at [maxCodeLen + 2]uint16
	for n := 1; n <= maxCodeLen; n++ {
		at[n+1] = at[n] + t.count[n]
	}
	for symbol, n := range lengths {
		if n > 0 {
			t.symbols[at[n]] = uint16(symbol)
			at[n]++
		}
	}
	t.fill(meanings)
	return true
}

// fill makes the table. That for codes of up to n bits is the one for n-1 bits twice over,
// with the codes of n bits put in: so each is put in once. BenchmarkInflate/size=128
// shows the gain.
func (t *tree) fill(meanings *[fixedSymbols]entry) {
	code, symbols := uint16(0), t.symbols[:]
	t.table[0] = 0
	for n := 1; n <= maxCodeLen; n++ {
		if n <= treeBits {
			half := 1 << (n - 1)
			copy(t.table[half:2*half], t.table[:half])
		}
		code <<= 1
		for range t.count[n] {
			e := meanings[symbols[0]]
			symbols = symbols[1:]
			if e != 0 {
				e |= entry(n)
			}
			if n > treeBits {
				e = entryLong | treeBits
			}
			// Bits come lowest first.
			t.table[bits.Reverse16(code)>>(16-n)&(1<<treeBits-1)] = e
			code++
		}
	}
}

// next is the entry of the code that b begins with, of which n bits are there. Its
// length is more than n if they do not tell; it is 0 if no code begins like that.
func (t *tree) next(b uint64, n uint, meanings *[fixedSymbols]entry) entry {
	e := t.table[b&(1<<treeBits-1)]
	if e&entryLong != 0 {
		return t.long(b, n, meanings)
	}
	return e
}

// long is next for codes of more than treeBits bits.
func (t *tree) long(b uint64, n uint, meanings *[fixedSymbols]entry) entry {
	code, first, index := 0, 0, 0
	for l := 1; l <= maxCodeLen; l++ {
		if uint(l) > n {
			return entryLen // of which not all is there
		}
		code |= int(b & 1)
		b >>= 1
		count := int(t.count[l])
		if code-first < count {
			e := meanings[t.symbols[index+code-first]]
			if e == 0 {
				return 0
			}
			return e | entry(l)
		}
		index += count
		first = (first + count) << 1
		code <<= 1
	}
	return 0
}
