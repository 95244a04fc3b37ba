package deflate

import (
	"sync"

	"github.com/klauspost/compress/flate"
)

// Compressor says how messages are compressed (RFC 7692 7.2.1). It is no more than
// that: what compressing takes is lent to each call and given back, so that however
// many connections there are, there are as many compressors as calls at the same
// time. The zero value has level 1 and a window of 15 bits. Safe from any goroutine.
type Compressor struct {
	// Level is from 1, the fastest, to 9, the smallest result. 0: 1. Windows of less
	// than 15 bits have one level only.
	Level int
	// WindowBits is the window that was agreed on, 8 to 15: no distance will be longer.
	// 0: 15.
	WindowBits int
}

// MaxLevel is the highest Compressor.Level.
const MaxLevel = 9

const (
	// defaultLevel is what peers take too. On text it is within a fifth of level 6's
	// size, for less than half of the time (BenchmarkCompress).
	defaultLevel = 1
	// leastMatched is the size, in bytes, below which the library that compresses does
	// not look for matches, at levels up to 6: a dictionary would be for nothing.
	leastMatched = 128
	// A dictionary must be indexed for each call, which takes longer than to compress a
	// short message. So the latest part of the history is used, so many times the
	// size of the message and not less than so many bytes.
	dictionaryShare = 8
	dictionaryLeast = 4 << 10
)

// deflater is a compressor of the library's, with what it needs for a call.
type deflater struct {
	w    *flate.Writer
	dst  []byte
	dict []byte // room for a dictionary
}

// Write appends what comes out.
func (d *deflater) Write(p []byte) (int, error) {
	d.dst = append(d.dst, p...)
	return len(p), nil
}

// deflaters are those at rest, by kind: the windows of less than 15 bits, then the
// levels. One takes about a MiB.
var deflaters [MaxWindowBits - MinWindowBits + MaxLevel]sync.Pool

// What compressing takes, as the number of bytes that an [Inflater] writes meanwhile: so
// many for a byte, by level, and so many for a call. BenchmarkCompress and
// BenchmarkInflate have the figures.
var workOfByte = [MaxLevel + 1]int{0, 2, 2, 2, 2, 4, 4, 4, 16, 64}

const (
	workOfCall     = 2 << 10
	workOfSlowCall = 4 << 10 // at levels from slowLevel on
	slowLevel      = 7
	workOfNothing  = 64 // a call for an empty message, at the other levels
)

// Work is about what Append takes for n bytes with that history, in the measure of
// [Inflater.Work].
func (c Compressor) Work(n int, history *Window) int {
	level := c.Level
	if level <= 0 || level > MaxLevel || c.WindowBits >= MinWindowBits && c.WindowBits < MaxWindowBits {
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

// Append appends p, compressed, to dst and returns the longer slice; with room for
// Bound(len(p)) bytes in dst nothing is allocated. p is one message or, if last is
// false, a part of one: then what was appended ends at a byte, and the rest of the
// message follows. Of the last part what RFC 7692 7.2.1 leaves out is left out.
//
// What is compressed refers to history, as far as that is worth it, which is what came
// before in the same message and, where the context is taken over, in those before
// it. It is not changed here: the caller adds p once the result is on its way. nil or
// empty: p stands alone.
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

// lend is a deflater of that kind, and the pool it goes back to.
func (c Compressor) lend() (*deflater, *sync.Pool) {
	level, bits := c.Level, c.WindowBits
	if level <= 0 || level > MaxLevel {
		level = defaultLevel
	}
	whole := bits < MinWindowBits || bits >= MaxWindowBits
	kind := bits - MinWindowBits
	if whole {
		kind = MaxWindowBits - MinWindowBits + level - 1
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
