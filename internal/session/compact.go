package session

import "github.com/framerail/framerail/frame"

// compact closes over the messages that were dropped. mu is held, as for all of this.
func (q *queue) compact() {
	rest, kept := q.latest.marks, q.latest.marks[:0]
	for _, l := range [...]*line{&q.main, &q.behind} {
		n := 0
		for n < len(rest) && rest[n].line == l {
			n++
		}
		kept = q.compactLine(l, rest[:n], kept)
		rest = rest[n:]
	}
	clear(q.latest.marks[len(kept):])
	q.latest.marks = kept
	q.latest.unindex()
}

// compactLine is compact for one line with its marks. Those that have a key still are
// appended to kept, which may lie over them.
func (q *queue) compactLine(l *line, marks, kept []mark) []mark {
	if l.dead == 0 {
		for _, m := range marks {
			if m.key != "" {
				kept = append(kept, m)
			}
		}
		return kept
	}
	l.compact(func(h frame.Header, from, to int64, size int) {
		if l == &q.main && h.Opcode.IsControl() {
			q.controlEnd = to + int64(size)
		}
		for len(marks) > 0 && marks[0].at < from {
			marks = marks[1:] // its message was dropped
		}
		if len(marks) > 0 && marks[0].at == from {
			kept = append(kept, mark{l, to, marks[0].key})
			marks = marks[1:]
		}
	})
	return kept
}

// tidy compacts once so much is dead that it pays.
func (q *queue) tidy() {
	if q.main.dead > q.main.live()/4+compactSlack || q.behind.dead > q.behind.live()/4+compactSlack {
		q.compact()
	}
}
