package deflate

import "math"

// Inflater inflates messages (RFC 7692 7.2.2). It is a state machine that can stop at any byte. So a
// message can be inflated while it arrives, and refused as soon as it is too long. An Inflater
// allocates nothing, and holds nothing of the caller's between two calls. Call Reset before each
// message. It is for one goroutine at a time.
type Inflater struct {
	in    uint64 // bits that were taken and not used, the next one lowest
	count uint   // how many

	stage    stage
	final    bool // the block has BFINAL
	distance int  // of the match in progress
	left     int  // bytes to come of it, or of the stored block
	reach    int  // the most a distance may be

	work   int    // see Work
	ending bool   // the message's own bytes have been taken
	tail   []byte // what is left of messageTail then

	// The header of a block with codes of its own (RFC 1951 3.2.7).
	literals, distances, codes int // how many lengths there are
	have                       int // how many were read
	lengths                    [maxLiterals + maxDistances]uint8

	literal, dist *tree // those of the block
	own           [2]tree
}

// stage is what an Inflater reads next.
type stage uint8

const (
	stageBlock   stage = iota // a block's header
	stageStored               // a stored block's length
	stageBytes                // a stored block's bytes
	stageDynamic              // how many lengths of codes follow
	stageCodes                // the lengths of the codes for those
	stageLengths              // the lengths of the codes
	stageSymbols              // literals and matches
	stageMatch                // a match is being copied
)

// fixed are the trees of RFC 1951 3.2.6.
var fixed = func() (t [2]tree) {
	var lengths [fixedSymbols]uint8
	for i := range lengths {
		switch {
		case i < 144:
			lengths[i] = 8
		case i < 256:
			lengths[i] = 9
		case i < 280:
			lengths[i] = 7
		default:
			lengths[i] = 8
		}
	}
	t[0].init(lengths[:], &literalSymbols)
	for i := range 32 {
		lengths[i] = 5
	}
	t[1].init(lengths[:32], &distanceSymbols)
	return t
}()

// messageTail has the bytes that the sender of a message leaves out (RFC 7692 7.2.1).
var messageTail = [...]byte{0x00, 0x00, 0xff, 0xff}

// codeOrder is the order in which the lengths for code lengths come (RFC 1951
// 3.2.7).
var codeOrder = [lengthCodes]uint8{16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15}

// Reset prepares the Inflater for a message whose sender compresses with a window of windowBits, 8
// to 15.
func (f *Inflater) Reset(windowBits int) {
	f.in, f.count = 0, 0
	f.stage, f.final, f.ending = stageBlock, false, false
	f.reach, f.work = 1<<windowBits, 0
}

// The work of a block beside its bytes, in bytes that could be written in that time. A block with
// codes of its own needs tables. Even empty, at a dozen bytes, it takes as long as two KiB of text
// (BenchmarkInflateBlocks).
const (
	workOfBlock = 32
	workOfCodes = 2 << 10
)

// Work is the work of the message so far, in bytes: those that were written, and for each block as
// many as could be written in its time. So Work also shows a message of blocks without content,
// which inflates to nothing and takes long.
func (f *Inflater) Work() int { return f.work }

// Inflate inflates src, the next bytes of the message, into dst. last says that the message ends with
// src. Inflate returns how many bytes it wrote and how many of src it took. done says that the
// message is whole, which happens only with last.
//
// If written is len(dst), or taken is less than len(src), there may be more. Call again with the rest
// of src, even if that is empty. Blocks without content end a call too, once they have taken as
// long as it takes to fill dst: see [Inflater.Work].
//
// Before every further call the caller adds the written bytes to history, which Inflate does not
// change. If the sender takes its context over (RFC 7692 7.1.1), keep history from message to
// message. Otherwise begin each message with an empty one. For a message of one call it may be nil.
//
// A distance beyond the agreed window is ErrWindow, even if the bytes are there. A distance beyond
// all earlier bytes is ErrHistory. Other errors are ErrCorrupt and ErrCut. After an error call
// Reset before using the Inflater again.
func (f *Inflater) Inflate(dst, src []byte, last bool, history *Window) (written, taken int, done bool, err error) {
	o := output{dst: dst, history: history}
	taken, done, err = f.inflate(&o, src, last)
	f.work += o.n
	return o.n, taken, done, err
}

func (f *Inflater) inflate(o *output, src []byte, last bool) (taken int, done bool, err error) {
	if !f.ending {
		var full bool
		taken, full, err = f.run(o, src, f.work+len(o.dst)+1)
		if err != nil || full || taken < len(src) || !last {
			return taken, false, err
		}
		// Between two blocks nothing is missing: the message is empty, or its last block
		// has BFINAL.
		if f.between() {
			return taken, true, nil
		}
		// RFC 7692 7.2.2: what the sender has left out is appended.
		f.ending, f.tail = true, messageTail[:]
	}
	n, full, err := f.run(o, f.tail, math.MaxInt)
	f.tail = f.tail[n:]
	if err == nil && !full && !f.between() {
		err = ErrCut
	}
	return taken, err == nil && !full, err
}

// between reports whether the taken bytes are whole blocks.
func (f *Inflater) between() bool { return f.stage == stageBlock && f.count == 0 }
