package conn

import "github.com/framerail/framerail/frame"

// latest is the messages sent with a key that wait, for OverflowLatest. Guarded by the
// connection's mu.
type latest struct {
	marks []mark // in the order of sending, so that those in behind come last
	live  int    // marks with a key

	// The latest mark of each key among marks[:indexed]. It is made when a key is
	// first looked up, and anew once marks have moved: a queue that leaves within
	// its turn has no use for it.
	index   map[string]int
	indexed int
}

// mark is where a message with a key begins.
type mark struct {
	line *line
	at   int64
	key  string // "" once the message was replaced
}

// keyCost is how many bytes of the bound on pending bytes a waiting key takes: its
// mark and its place in the index.
const keyCost = 64

// keepIndex is the size up to which an index is kept for the next connection.
const keepIndex = 1 << 10

// add marks a message that begins at that place.
func (k *latest) add(l *line, at int64, key string) {
	k.marks = append(k.marks, mark{l, at, key})
	k.live++
}

// unindex forgets where keys are: marks have moved.
func (k *latest) unindex() {
	if len(k.index) > keepIndex {
		k.index = nil
	}
	clear(k.index)
	k.indexed = 0
}

// forget forgets the keys: what waits with one is like any other message.
func (k *latest) forget() {
	if len(k.marks) > 0 {
		clear(k.marks)
		k.marks, k.live = k.marks[:0], 0
		k.unindex()
	}
}

// supersede drops the message of that key that has not begun to leave, if there is
// one. It is called only while the transport is full: a peer that keeps up gets every
// message. So there may be several of a key when it becomes full; of those too
// only the latest stays. mu is held.
func (c *Conn) supersede(q *queue, key string) {
	k := &q.latest
	if k.index == nil {
		k.index = make(map[string]int)
	}
	for ; k.indexed < len(k.marks); k.indexed++ {
		if m := k.marks[k.indexed]; m.key != "" {
			if i, ok := k.index[m.key]; ok {
				c.replace(q, i)
			}
			k.index[m.key] = k.indexed
		}
	}
	if i, ok := k.index[key]; ok {
		c.replace(q, i)
		delete(k.index, key)
	}
	q.tidy()
}

// replace drops the message of that mark.
func (c *Conn) replace(q *queue, i int) {
	m := &q.latest.marks[i]
	_, size := m.line.frame(m.line.seek(m.at))
	m.line.drop(m.at, size)
	m.key = ""
	q.latest.live--
	c.noteDropped(rareReplaced, 1, size)
}

// begin forgets the keys of messages in l that have begun to leave.
func (k *latest) begin(l *line) {
	n := 0
	for ; n < len(k.marks) && k.marks[n].line == l && k.marks[n].at < l.begun; n++ {
		if k.marks[n].key != "" {
			k.live--
		}
	}
	if n == 0 {
		return
	}
	rest := copy(k.marks, k.marks[n:])
	clear(k.marks[rest:])
	k.marks = k.marks[:rest]
	k.unindex()
}

// compact closes over the messages that were dropped. mu is held.
func (q *queue) compact() {
	rest, kept := q.latest.marks, q.latest.marks[:0]
	for _, l := range [...]*line{&q.main, &q.behind} {
		if l.dead == 0 {
			for len(rest) > 0 && rest[0].line == l {
				if rest[0].key != "" {
					kept = append(kept, rest[0])
				}
				rest = rest[1:]
			}
			continue
		}
		l.compact(func(h frame.Header, from, to int64, size int) {
			if l == &q.main && h.Opcode.IsControl() {
				q.controlEnd = to + int64(size)
			}
			for len(rest) > 0 && rest[0].line == l && rest[0].at < from {
				rest = rest[1:]
			}
			if len(rest) > 0 && rest[0].line == l && rest[0].at == from {
				kept = append(kept, mark{l, to, rest[0].key})
				rest = rest[1:]
			}
		})
		for len(rest) > 0 && rest[0].line == l {
			rest = rest[1:]
		}
	}
	clear(q.latest.marks[len(kept):])
	q.latest.marks = kept
	q.latest.unindex()
}

// tidy compacts once so much is dead that it pays.
func (q *queue) tidy() {
	if q.main.dead > q.main.live()/4+compactSlack || q.behind.dead > q.behind.live()/4+compactSlack {
		q.compact()
	}
}
