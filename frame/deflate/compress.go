package deflate

import (
	"sync"

	"github.com/klauspost/compress/flate"
)

// Compressor compresses messages (RFC 7692 7.2.1). It is only a level and a window. The memory that
// compressing needs is lent to each call, so there is as much of it as there are calls at the same
// time. The zero value has level 1 and a window of 15 bits. Safe from any goroutine.
type Compressor struct {
	// Level is from 1, the fastest, to 9, the smallest result. 0: 1. Windows of less
	// than 15 bits have one level only.
	Level int
	// WindowBits is the window that was agreed on, 8 to 15. No distance will be longer. 0:
	// 15.
	WindowBits int
}

// maxLevel is the highest Compressor.Level.
const maxLevel = 9

const (
	// defaultLevel is the default of other libraries too. On text it is within a fifth of
	// level 6's size, for less than half of the time (BenchmarkCompress).
	defaultLevel = 1
	// leastMatched is the size in bytes below which the compressing library does not look
	// for matches, at levels up to 6. A dictionary would not help there.
	leastMatched = 128
	// A dictionary must be indexed for each call, which takes longer than to compress a
	// short message. So only the latest part of the history is used: a multiple of the
	// message's size, with a minimum.
	dictionaryShare = 8
	dictionaryLeast = 4 << 10
)

// deflater is one of the library's compressors, with its memory for a call.
type deflater struct {
	w    *flate.Writer
	dst  []byte
	dict []byte // room for a dictionary
}

// Write appends the compressed bytes.
func (d *deflater) Write(p []byte) (int, error) {
	d.dst = append(d.dst, p...)
	return len(p), nil
}

// deflaters are the idle ones, by kind: the windows of less than 15 bits, then the levels. One takes
// about a MiB.
var deflaters [MaxWindowBits - minWindowBits + maxLevel]sync.Pool

// The work of compressing, for a byte by level and for a call. The unit is the time in which an
// [Inflater] writes one byte. BenchmarkCompress and BenchmarkInflate have the figures.
var workOfByte = [maxLevel + 1]int{0, 2, 2, 2, 2, 4, 4, 4, 16, 64}

const (
	workOfCall     = 2 << 10
	workOfSlowCall = 4 << 10 // at levels from slowLevel on
	slowLevel      = 7
	workOfNothing  = 64 // a call for an empty message, at the other levels
)

// Work is about the work of Append for n bytes with that history, in the unit of
// [Inflater.Work].
func (c Compressor) Work(n int, history *Window) int {
	level := c.Level
	if level <= 0 || level > maxLevel || c.WindowBits >= minWindowBits && c.WindowBits < MaxWindowBits {
		level = defaultLevel
	}
	call := workOfCall
	switch {
	case level >= slowLevel:
		call = workOfSlowCall
	case n == 0:
		return workOfNothing
	}
	if history != nil && n >= leastMatched {
		call += min(history.n, max(dictionaryLeast, dictionaryShare*n))
	}
	return call + n*workOfByte[level]
}

// Bound is the most bytes that Append appends for n bytes.
func Bound(n int) int { return n + n>>8 + 64 }

// Append compresses p, appends the result to dst, and returns the longer slice. With room for
// Bound(len(p)) bytes in dst nothing is allocated. p is one message or, if last is false, a part of
// one. A part's result ends at a byte, and the rest of the message follows. From the last part
// Append leaves out the bytes that RFC 7692 7.2.1 leaves out.
//
// The result may refer to history: the earlier parts of the message and, with context takeover,
// the messages before it. Append does not change history. The caller adds p once the result is
// sure to be sent. nil or empty: p is compressed alone.
func (c Compressor) Append(dst, p []byte, history *Window, last bool) []byte {
	d, pool := c.lend()
	d.dst = dst
	d.w.ResetDict(d, d.dictionary(len(p), history))
	// Neither can fail: Write never does.
	_, _ = d.w.Write(p)
	_ = d.w.Flush()
	dst, d.dst = d.dst, nil
	pool.Put(d)
	if last {
		dst = dst[:len(dst)-len(messageTail)]
	}
	return dst
}

// lend returns a deflater of that kind, and the pool to which it goes back.
func (c Compressor) lend() (*deflater, *sync.Pool) {
	level, bits := c.Level, c.WindowBits
	if level <= 0 || level > maxLevel {
		level = defaultLevel
	}
	whole := bits < minWindowBits || bits >= MaxWindowBits
	kind := bits - minWindowBits
	if whole {
		kind = MaxWindowBits - minWindowBits + level - 1
	}
	pool := &deflaters[kind]
	if d, _ := pool.Get().(*deflater); d != nil {
		return d, pool
	}
	d := new(deflater)
	if whole {
		d.w, _ = flate.NewWriter(d, level) // the level is a valid one
	} else {
		d.w, _ = flate.NewWriterWindow(d, 1<<bits) // and so is the window
	}
	return d, pool
}

// dictionary is the part of history that a message of n bytes refers to.
func (d *deflater) dictionary(n int, history *Window) []byte {
	if history == nil || history.n == 0 || n < leastMatched {
		return nil
	}
	d.dict = history.Append(d.dict[:0])
	return d.dict[max(0, len(d.dict)-max(dictionaryLeast, dictionaryShare*n)):]
}
