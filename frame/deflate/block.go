package deflate

import "encoding/binary"

// output is where an Inflater writes in one call.
type output struct {
	dst     []byte
	n       int     // bytes written
	history *Window // what came before dst; nil: nothing
}

// before is how many bytes there are to refer to.
func (o *output) before() int {
	if o.history == nil {
		return o.n
	}
	return o.n + o.history.Len()
}

// run reads blocks (RFC 1951 3.2.3) until src is used up, or dst is full and there is
// more to write, or f.work is most. It takes bits ahead of what they are used for, so that
// taken says little about where the blocks end.
func (f *Inflater) run(o *output, src []byte, most int) (taken int, full bool, err error) {
	all := len(src)
	for {
		if f.stage == stageBlock && f.work >= most && len(src) > 0 {
			return all - len(src), false, nil
		}
		src = f.refill(src)
		var fault error
		wanting := false // bits that have not come
		switch f.stage {
		case stageBlock:
			wanting, fault = f.block()
		case stageStored:
			wanting, fault = f.stored()
		case stageBytes:
			src = f.bytes(o, src)
			if f.left == 0 {
				f.endBlock()
			} else if o.n == len(o.dst) {
				full = true
			} else {
				wanting = true
			}
		case stageDynamic, stageCodes, stageLengths:
			wanting, fault = f.header()
		case stageMatch:
			f.copyMatch(o)
			full = f.stage == stageMatch
		case stageSymbols:
			src, wanting, full, fault = f.symbols(o, src)
		}
		if fault != nil {
			return all - len(src), false, fault
		}
		if full || wanting && len(src) == 0 {
			return all - len(src), full, nil
		}
	}
}

// refill takes bytes while there is room for their bits: 56 to 63, if there are so many.
func (f *Inflater) refill(src []byte) []byte {
	if len(src) >= 8 {
		n := (63 - f.count) / 8
		f.in |= binary.LittleEndian.Uint64(src) << f.count
		f.count += n * 8
		// The bits of a byte that was not taken are taken again, as the same.
		return src[n:]
	}
	for len(src) > 0 && f.count < 56 {
		f.in |= uint64(src[0]) << f.count
		f.count += 8
		src = src[1:]
	}
	return src
}

// drop uses up n bits.
func (f *Inflater) drop(n uint) {
	f.in >>= n
	f.count -= n
}

// block reads the header of a block.
func (f *Inflater) block() (wanting bool, err error) {
	if f.count < 3 {
		return true, nil
	}
	f.work += workOfBlock
	f.final = f.in&1 != 0
	kind := f.in >> 1 & 3
	f.drop(3)
	switch kind {
	case 0:
		f.drop(f.count & 7) // RFC 1951 3.2.4: up to the next byte
		f.stage = stageStored
	case 1:
		f.literal, f.dist = &fixed[0], &fixed[1]
		f.stage = stageSymbols
	case 2:
		f.stage = stageDynamic
	default:
		return false, ErrCorrupt
	}
	return false, nil
}

// endBlock ends a block. RFC 7692 7.2.1: after one with BFINAL the next begins with a
// byte.
func (f *Inflater) endBlock() {
	f.stage = stageBlock
	if f.final {
		f.drop(f.count & 7)
	}
}

// stored reads the length of a stored block (RFC 1951 3.2.4).
func (f *Inflater) stored() (wanting bool, err error) {
	if f.count < 32 {
		return true, nil
	}
	n, complement := uint16(f.in), uint16(f.in>>16)
	if n != ^complement {
		return false, ErrCorrupt
	}
	f.drop(32)
	f.left, f.stage = int(n), stageBytes
	return false, nil
}

// bytes copies a stored block's bytes, first those that were taken as bits.
func (f *Inflater) bytes(o *output, src []byte) []byte {
	for f.left > 0 && f.count > 0 && o.n < len(o.dst) {
		o.dst[o.n] = byte(f.in)
		f.drop(8)
		o.n++
		f.left--
	}
	if f.count > 0 {
		return src
	}
	f.in = 0 // what was taken ahead of it
	n := copy(o.dst[o.n:], src[:min(f.left, len(src))])
	o.n += n
	f.left -= n
	return src[n:]
}

// header reads the codes of a block that has its own (RFC 1951 3.2.7).
func (f *Inflater) header() (wanting bool, err error) {
	if f.stage == stageDynamic {
		if f.count < 14 {
			return true, nil
		}
		f.literals = int(f.in&31) + 257
		f.distances = int(f.in>>5&31) + 1
		f.codes = int(f.in>>10&15) + 4
		f.drop(14)
		f.work += workOfCodes
		if f.literals > maxLiterals || f.distances > maxDistances {
			return false, ErrCorrupt
		}
		clear(f.lengths[:lengthCodes])
		f.have, f.stage = 0, stageCodes
		return false, nil
	}
	if f.stage == stageCodes {
		for ; f.have < f.codes; f.have++ {
			if f.count < 3 {
				return true, nil
			}
			f.lengths[codeOrder[f.have]] = uint8(f.in & 7)
			f.drop(3)
		}
		f.literal = &f.own[0]
		if !f.literal.init(f.lengths[:lengthCodes], &lengthSymbols) {
			return false, ErrCorrupt
		}
		f.have, f.stage = 0, stageLengths
	}
	for f.have < f.literals+f.distances {
		if wanting, err := f.length(); wanting || err != nil {
			return wanting, err
		}
	}
	f.literal, f.dist = &f.own[0], &f.own[1]
	if !f.literal.init(f.lengths[:f.literals], &literalSymbols) ||
		!f.dist.init(f.lengths[f.literals:f.have], &distanceSymbols) {
		return false, ErrCorrupt
	}
	f.stage = stageSymbols
	return false, nil
}

// length reads the length of a code, or says how often one is repeated.
func (f *Inflater) length() (wanting bool, err error) {
	e := f.literal.next(f.in, f.count, &lengthSymbols)
	n := e.len()
	if n > f.count || e == 0 && f.count == 0 {
		return true, nil
	}
	if e == 0 {
		return false, ErrCorrupt
	}
	if e.value() < 16 {
		f.drop(n)
		f.lengths[f.have] = uint8(e.value())
		f.have++
		return false, nil
	}
	extra, times, value := uint(0), 0, uint8(0)
	switch e.value() {
	case 16:
		extra, times = 2, 3
		if f.have == 0 {
			return false, ErrCorrupt
		}
		value = f.lengths[f.have-1]
	case 17:
		extra, times = 3, 3
	default:
		extra, times = 7, 11
	}
	if n+extra > f.count {
		return true, nil
	}
	times += int(f.in >> n & (1<<extra - 1))
	f.drop(n + extra)
	if f.have+times > f.literals+f.distances {
		return false, ErrCorrupt
	}
	for range times {
		f.lengths[f.have] = value
		f.have++
	}
	return false, nil
}
