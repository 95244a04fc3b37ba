package deflate

import "encoding/binary"

// A symbol with all that belongs to it, a length and a distance with their extra bits,
// takes 15+5+15+13 bits at most: they are taken together or not at all, so that there
// is no state between them.

// symbols reads literals and matches (RFC 1951 3.2.5) until the block ends, a match
// does not fit in dst, or bits are wanting.
func (f *Inflater) symbols(o *output, src []byte) (rest []byte, wanting, full bool, err error) {
	for {
		if len(src) >= 8 && len(o.dst)-o.n > maxMatch {
			src, err = f.symbolsFast(o, src)
			if err != nil || f.stage != stageSymbols {
				return src, false, false, err
			}
		}
		src = f.refill(src)
		wanting, full, err = f.symbol(o)
		if wanting && len(src) > 0 {
			wanting = false // there was no room for more bits, but now there is
			continue
		}
		if wanting || full || err != nil || f.stage != stageSymbols {
			return src, wanting, full, err
		}
	}
}

// symbol reads one symbol with all that belongs to it.
func (f *Inflater) symbol(o *output) (wanting, full bool, err error) {
	b, have := f.in, f.count
	e := f.literal.next(b, have, &literalSymbols)
	n := e.len()
	switch {
	case n > have || e == 0 && have == 0:
		return true, false, nil
	case e == 0:
		return false, false, ErrCorrupt
	case e&entryEnd != 0:
		f.drop(n)
		f.endBlock()
		return false, false, nil
	case o.n == len(o.dst):
		return false, true, nil
	case e&entryLiteral != 0:
		f.drop(n)
		o.dst[o.n] = byte(e.value())
		o.n++
		return false, false, nil
	}
	used := n + e.extra()
	if used > have {
		return true, false, nil
	}
	length := e.value() + int(b>>n&(1<<e.extra()-1))

	d := f.dist.next(b>>used, have-used, &distanceSymbols)
	n = d.len()
	if n > have-used || d == 0 && have == used {
		return true, false, nil
	}
	if d == 0 {
		return false, false, ErrCorrupt
	}
	if used+n+d.extra() > have {
		return true, false, nil
	}
	distance := d.value() + int(b>>(used+n)&(1<<d.extra()-1))
	f.drop(used + n + d.extra())
	if err := f.match(o, length, distance); err != nil {
		return false, false, err
	}
	return false, f.stage == stageMatch, nil
}

// match begins a match, and copies as much of it as fits in dst.
func (f *Inflater) match(o *output, length, distance int) error {
	if distance > f.reach {
		return ErrWindow
	}
	if distance > o.before() {
		return ErrHistory
	}
	f.left, f.distance = length, distance
	f.stage = stageMatch
	f.copyMatch(o)
	return nil
}

// copyMatch copies what is left of a match as far as it fits. Where length is more
// than distance, what was copied is copied again.
func (f *Inflater) copyMatch(o *output) {
	for f.left > 0 && o.n < len(o.dst) {
		to := o.dst[o.n:min(len(o.dst), o.n+f.left)]
		var n int
		if f.distance > o.n {
			n = o.history.copyFrom(to, f.distance-o.n)
		} else {
			n = copy(to, o.dst[o.n-f.distance:o.n])
		}
		o.n += n
		f.left -= n
	}
	if f.left == 0 {
		f.stage = stageSymbols
	}
}

// symbolsFast is symbols while there are eight bytes to take and room for a literal and
// the longest match, so that neither need be asked for in between. BenchmarkInflate shows the gain.
func (f *Inflater) symbolsFast(o *output, src []byte) (rest []byte, err error) {
	in, count := f.in, f.count
	dst, at := o.dst, o.n
	literal, dist := f.literal, f.dist
	for len(src) >= 8 && len(dst)-at > maxMatch {
		in |= binary.LittleEndian.Uint64(src) << count
		taken := (63 - count) / 8
		src = src[taken:]
		count += taken * 8

		e := literal.table[in&(1<<treeBits-1)]
		if e&entryLiteral != 0 { // often there are several in a row
			in >>= e.len()
			count -= e.len()
			dst[at] = byte(e.value())
			at++
			e = literal.table[in&(1<<treeBits-1)]
			if e&entryLiteral != 0 {
				in >>= e.len()
				count -= e.len()
				dst[at] = byte(e.value())
				at++
				continue
			}
		}
		if e&(entryLong|entryEnd) != 0 || e == 0 {
			break // the slow way knows
		}
		used := e.len() + e.extra()
		length := e.value() + int(in>>e.len()&(1<<e.extra()-1))
		d := dist.table[in>>used&(1<<treeBits-1)]
		if d&entryLong != 0 || d == 0 {
			break
		}
		distance := d.value() + int(in>>(used+d.len())&(1<<d.extra()-1))
		used += d.len() + d.extra()
		in >>= used
		count -= used
		if distance > at || distance > f.reach {
			f.in, f.count, o.n = in, count, at
			if err := f.match(o, length, distance); err != nil {
				return src, err
			}
			at = o.n
			continue
		}
		from := at - distance
		if distance >= length {
			copy(dst[at:at+length], dst[from:])
		} else {
			for i := range length {
				dst[at+i] = dst[from+i]
			}
		}
		at += length
	}
	f.in, f.count, o.n = in, count, at
	return src, nil
}
