package sendq

// Compact gives back the memory of what was dropped. A shared frame that was dropped is
// released. In a buffer of the connection's own the bytes behind dropped ones move to the
// front. A chunk whose bytes fit into the one before it is joined to that one, so that two
// neighbours always hold more than one of them could.
func (q *Queue) Compact() {
	if q.dead == 0 {
		return
	}
	q.unhint()
	dropped := q.more.waiting()
	kept := q.chunks[:0]
	pos := q.gone
	for i, c := range q.chunks {
		from := 0
		if i == 0 {
			from = q.off
		}
		size := int64(len(c.bytes()) - from)
		for len(dropped) > 0 && (dropped[0].key != "" || dropped[0].end() <= pos) {
			dropped = dropped[1:]
		}
		live := int(size)
		switch {
		case len(dropped) == 0 || dropped[0].at >= pos+size:
		case c.shared != nil:
			live = 0 // it is one frame
		default:
			live = squeeze(c, from, pos, dropped)
		}
		pos += size
		kept = q.keep(kept, c, from, live)
	}
	clear(q.chunks[len(kept):])
	q.chunks = kept
	q.moveEntries()
	q.bytes -= q.dead
	q.dead = 0
	if q.bytes == 0 {
		q.Clear()
	}
}

func (e entry) end() int64 { return e.at + int64(e.size) }

// before is how many bytes of the entry lie before that position.
func (e entry) before(pos int64) int64 { return min(max(pos-e.at, 0), int64(e.size)) }

// squeeze closes over the dropped bytes of a chunk, whose byte at from has the position
// pos, and returns how many are left.
func squeeze(c chunk, from int, pos int64, dropped []entry) (live int) {
	b := c.buf.B
	write, read := from, from
	for _, e := range dropped {
		at := from + int(max(e.at-pos, 0))
		if at >= len(b) {
			break
		}
		if e.key != "" || e.end() <= pos {
			continue
		}
		write += copy(b[write:], b[read:at])
		read = min(from+int(e.end()-pos), len(b))
	}
	write += copy(b[write:], b[read:])
	c.buf.B = b[:write]
	return write - from
}

// keep appends a chunk of which that many bytes are left, behind from, to those kept.
func (q *Queue) keep(kept []chunk, c chunk, from, live int) []chunk {
	first := len(kept) == 0
	switch {
	case live == 0:
		if first {
			q.off = 0
		}
		c.release()
		return kept
	case !first && c.shared == nil && kept[len(kept)-1].free() >= live:
		last := kept[len(kept)-1].buf
		last.B = append(last.B, c.buf.B[from:]...)
		c.release()
		return kept
	}
	return append(kept, c)
}

// moveEntries takes out the entries of what was dropped, and moves the positions behind.
func (q *Queue) moveEntries() {
	m := q.more
	var by int64
	oldest, controlEnd := q.oldest, q.controlEnd
	kept := m.entries[:0]
	for _, e := range m.waiting() {
		if e.key == "" {
			oldest -= e.before(q.oldest)
			controlEnd -= e.before(q.controlEnd)
			by += int64(e.size)
			continue
		}
		e.at -= by
		kept = append(kept, e)
	}
	clear(m.entries[len(kept):])
	m.entries, m.first = kept, 0
	m.unindex()
	q.oldest, q.controlEnd = oldest, controlEnd
}
