package deflate

import (
	"errors"
	"fmt"
)

// tail is what a compressor takes off the end of each message: RFC 7692 7.2.1.
var tail = []byte{0, 0, 0xff, 0xff}

// What can be wrong with a compressed message.
var (
	errTruncated = errors.New("a message that ends within a DEFLATE block (RFC 7692 7.2.1)")
	errTail      = errors.New("a message whose last block is not the empty stored one that has lost its last four bytes (RFC 7692 7.2.1)")
	errBlockType = errors.New("a DEFLATE block of the reserved type 3 (RFC 1951 3.2.3)")
	errStored    = errors.New("a stored block whose length and its complement do not agree (RFC 1951 3.2.4)")
	errLengths   = errors.New("a DEFLATE block whose code lengths make no sense (RFC 1951 3.2.7)")
	errNoEnd     = errors.New("a DEFLATE block without a code for its end (RFC 1951 3.2.7)")
	errSymbol    = errors.New("a DEFLATE symbol that does not exist (RFC 1951 3.2.5)")
	errTooLong   = errors.New("a message that inflates to more than was asked for")
)

// DistanceError is a match that refers to more than the sender may refer to.
type DistanceError struct {
	Distance, Window, Available int // in bytes
	Takeover                    bool
}

func (e *DistanceError) Error() string {
	switch {
	case e.Distance > e.Window:
		return fmt.Sprintf("a match %d bytes back, where a window of %d was agreed (RFC 7692 7.1.2)", e.Distance, e.Window)
	case !e.Takeover:
		return fmt.Sprintf("a match %d bytes back, %d bytes into a message, where no context takeover was agreed (RFC 7692 7.1.1)",
			e.Distance, e.Available)
	}
	return fmt.Sprintf("a match %d bytes back, where there are only %d (RFC 1951 3.2.5)", e.Distance, e.Available)
}

// Inflater inflates the messages of one direction of one connection. It takes what
// RFC 7692 allows a sender that has agreed on a window and on takeover, and
// nothing else.
type Inflater struct {
	window   int
	takeover bool

	bitReader

	out   []byte // the window, then the message
	start int    // where the message begins in out
	most  int    // bytes of the message

	literals, distances huffman
	lengths             [288 + 32]uint8
}

// NewInflater returns an inflater with a window of 1<<bits bytes.
func NewInflater(bits int, takeover bool) *Inflater {
	return &Inflater{window: 1 << bits, takeover: takeover}
}

// Message inflates the payload of a message, whatever number of frames it came in.
// More than most bytes are an error, and not made. The result is valid until the
// next call; copy to keep.
func (f *Inflater) Message(payload []byte, most int) ([]byte, error) {
	keep := 0
	if f.takeover {
		keep = min(f.window, len(f.out))
	}
	f.out = append(f.out[:0], f.out[len(f.out)-keep:]...)
	f.start, f.most = keep, most

	f.in = append(append(f.in[:0], payload...), tail...) // RFC 7692 7.2.2
	f.pos, f.bits, f.n = 0, 0, 0
	wasTail := false
	for f.left() > 0 {
		var err error
		if wasTail, err = f.block(); err != nil {
			return nil, err
		}
	}
	if !wasTail {
		return nil, errTail
	}
	return f.out[f.start:], nil
}

// block inflates one block and reports whether it is an empty stored one.
func (f *Inflater) block() (empty bool, err error) {
	final, err := f.take(1)
	if err != nil {
		return false, err
	}
	kind, err := f.take(2)
	if err != nil {
		return false, err
	}
	switch kind {
	case 0:
		empty, err = f.stored()
	case 1:
		err = f.compressed(&fixedLiterals, &fixedDistances)
	case 2:
		if err = f.readCodes(); err == nil {
			err = f.compressed(&f.literals, &f.distances)
		}
	default:
		err = errBlockType
	}
	// RFC 7692 7.2.3.4: behind a block that says it is the last of its stream, the next
	// begins with the next byte.
	if final == 1 {
		f.align()
	}
	return empty, err
}

// stored is RFC 1951 3.2.4.
func (f *Inflater) stored() (empty bool, err error) {
	f.align()
	length, err := f.take(16)
	if err != nil {
		return false, err
	}
	complement, err := f.take(16)
	if err != nil {
		return false, err
	}
	if length != ^complement&0xffff {
		return false, errStored
	}
	f.pos -= int(f.n / 8) // these bytes are not to be taken as bits
	f.bits, f.n = 0, 0
	if len(f.in)-f.pos < int(length) {
		return false, errTruncated
	}
	if err := f.room(int(length)); err != nil {
		return false, err
	}
	f.out = append(f.out, f.in[f.pos:f.pos+int(length)]...)
	f.pos += int(length)
	return length == 0, nil
}

// lengthOrder is the order of the code length code's lengths: RFC 1951 3.2.7.
var lengthOrder = [19]uint8{16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15}

// readCodes reads the codes of a block: RFC 1951 3.2.7.
func (f *Inflater) readCodes() error {
	head, err := f.take(14)
	if err != nil {
		return err
	}
	literals, distances, lengths := int(head&31)+257, int(head>>5&31)+1, int(head>>10)+4
	if literals > 286 || distances > 30 {
		return errLengths
	}

	var codeLengths [19]uint8
	for i := range lengths {
		n, err := f.take(3)
		if err != nil {
			return err
		}
		codeLengths[lengthOrder[i]] = uint8(n)
	}
	if err := f.literals.build(codeLengths[:]); err != nil {
		return err
	}
	if err := f.readLengths(f.lengths[:literals+distances]); err != nil {
		return err
	}
	if f.lengths[256] == 0 {
		return errNoEnd
	}
	if err := f.literals.build(f.lengths[:literals]); err != nil {
		return err
	}
	return f.distances.build(f.lengths[literals : literals+distances])
}

// readLengths reads the code lengths of both codes, which are in the code that
// f.literals has for now.
func (f *Inflater) readLengths(lengths []uint8) error {
	for i := 0; i < len(lengths); {
		symbol, err := f.symbol(&f.literals)
		if err != nil {
			return err
		}
		var extra uint
		var value uint8
		repeat := 0
		switch symbol {
		case 16:
			if i == 0 {
				return errLengths
			}
			value, extra, repeat = lengths[i-1], 2, 3
		case 17:
			extra, repeat = 3, 3
		case 18:
			extra, repeat = 7, 11
		default:
			lengths[i] = uint8(symbol)
			i++
			continue
		}
		more, err := f.take(extra)
		if err != nil {
			return err
		}
		if repeat += int(more); i+repeat > len(lengths) {
			return errLengths
		}
		for range repeat {
			lengths[i] = value
			i++
		}
	}
	return nil
}

// compressed inflates a block's data: RFC 1951 3.2.5.
func (f *Inflater) compressed(literals, distances *huffman) error {
	for {
		symbol, err := f.symbol(literals)
		if err != nil {
			return err
		}
		switch {
		case symbol < 256:
			if err := f.room(1); err != nil {
				return err
			}
			f.out = append(f.out, byte(symbol))
			continue
		case symbol == 256:
			return nil
		case symbol > 285:
			return errSymbol
		}
		length, err := f.valueOf(lengthCodes[symbol-257])
		if err != nil {
			return err
		}
		if symbol, err = f.symbol(distances); err != nil {
			return err
		}
		if symbol >= len(distanceCodes) {
			return errSymbol
		}
		distance, err := f.valueOf(distanceCodes[symbol])
		if err != nil {
			return err
		}
		if err := f.copy(length, distance); err != nil {
			return err
		}
	}
}

// copy repeats length bytes from distance bytes back.
func (f *Inflater) copy(length, distance int) error {
	if distance > f.window || distance > len(f.out) {
		return &DistanceError{Distance: distance, Window: f.window, Available: len(f.out), Takeover: f.takeover}
	}
	if err := f.room(length); err != nil {
		return err
	}
	from := len(f.out) - distance
	for length > distance { // what is copied is copied again
		f.out = append(f.out, f.out[from:]...)
		length -= distance
		distance += distance
	}
	f.out = append(f.out, f.out[from:from+length]...)
	return nil
}

func (f *Inflater) room(n int) error {
	if len(f.out)-f.start+n > f.most {
		return errTooLong
	}
	return nil
}
