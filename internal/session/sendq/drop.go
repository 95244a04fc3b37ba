package sendq

import (
	"iter"

	"github.com/framerail/framerail/frame"
)

// slack is how many bytes may be dropped and still lie in chunks, beyond a quarter of the
// others.
const slack = 4 << 10

// message is a whole message in a queue.
type message struct {
	at     int64 // where it begins
	size   int
	shared *Frame // nil if it is the queue's own
}

// messages are the whole messages that may be dropped, oldest first. Fragments are no whole
// messages.
func (q *Queue) messages() iter.Seq[message] {
	return func(yield func(message) bool) {
		at := q.seek(q.oldest)
		for pos := q.oldest; pos < q.end(); {
			h, size := q.frameAt(at)
			if h.Fin && (h.Opcode == frame.Text || h.Opcode == frame.Binary) && !yield(message{pos, size, q.chunks[at.chunk].shared}) {
				return
			}
			pos += int64(size)
			q.advance(&at, size)
		}
	}
}

// Droppable is how many bytes of messages may be dropped as the oldest, counted up to need.
func (q *Queue) Droppable(need int) (n int) {
	if need <= 0 {
		return 0
	}
	for m := range q.messages() {
		if n += m.size; n >= need {
			break
		}
	}
	return n
}

// DropOldest drops the oldest messages until need bytes are free, or there are no more. It
// must not be used on a queue with keys. lost is called with each shared frame that is
// dropped, unless it is nil.
func (q *Queue) DropOldest(s *Store, need int, lost func(*Frame)) (messages, bytes int) {
	if need <= 0 {
		return 0, 0
	}
	for m := range q.messages() {
		if lost != nil && m.shared != nil {
			lost(m.shared)
		}
		q.dropAt(s, m.at, m.size)
		q.oldest = m.at + int64(m.size)
		messages++
		if bytes += m.size; bytes >= need {
			break
		}
	}
	q.setHint(q.oldest)
	q.tidy()
	return messages, bytes
}

// dropAt drops frames behind all that were dropped before.
func (q *Queue) dropAt(s *Store, at int64, size int) {
	q.dead += size
	if m := q.more; m != nil && len(m.waiting()) > 0 {
		if last := &m.entries[len(m.entries)-1]; last.key == "" && last.at+int64(last.size) == at {
			last.size += size
			return
		}
	}
	q.add(s, entry{at: at, size: size})
}

// Supersede drops the message of that key of which nothing has left, if there is one, in q
// or in behind, which may be nil and is sent after q. There may be several, sent while the
// transport took everything, of that key and of others. Of those all but the latest are
// dropped too.
func (q *Queue) Supersede(key string, behind *Queue) (messages, bytes int) {
	count := func(size int) {
		if size > 0 {
			messages++
			bytes += size
		}
	}
	q.indexKeys(func(key string) { count(q.dropKey(key)) })
	if behind != nil {
		behind.indexKeys(func(key string) {
			count(q.dropKey(key))
			count(behind.dropKey(key))
		})
		count(behind.dropKey(key))
		behind.tidy()
	}
	count(q.dropKey(key))
	q.tidy()
	return messages, bytes
}

// indexKeys notes where the keys are that the index does not have. replaced is called with
// each of them before.
func (q *Queue) indexKeys(replaced func(key string)) {
	m := q.more
	if m == nil {
		return
	}
	for ; m.indexed < len(m.entries); m.indexed++ {
		if key := m.entries[m.indexed].key; key != "" {
			replaced(key)
			m.setIndex(key, m.indexed)
		}
	}
}

// setIndex notes where the latest entry of a key is.
func (m *backlog) setIndex(key string, i int) {
	if m.index == nil {
		m.index = make(map[string]int)
	}
	m.index[key] = i
	if n := len(m.index); n > m.slots {
		m.slots = max(minList, 2*m.slots) // as a map grows
		m.charge()
	}
}

// dropKey drops the message of that key, if the index has it. It returns the message's
// size.
func (q *Queue) dropKey(key string) int {
	m := q.more
	if m == nil {
		return 0
	}
	i, ok := m.index[key]
	if !ok {
		return 0
	}
	delete(m.index, key)
	e := &m.entries[i]
	e.key = ""
	m.keys--
	q.dead += e.size
	return e.size
}

// KeepAll has what waits now stay, whatever is sent later. Keys are forgotten.
func (q *Queue) KeepAll() {
	q.Compact()
	q.forgetEntries()
	q.oldest = q.end()
}

// DropAllBut drops the frames of which nothing has left, except those with that opcode.
func (q *Queue) DropAllBut(s *Store, op frame.Opcode) {
	q.forgetEntries()
	q.dead = 0 // all that was dropped is dropped again
	at := q.seek(q.begun)
	for pos := q.begun; pos < q.end(); {
		h, size := q.frameAt(at)
		if h.Opcode != op {
			q.dropAt(s, pos, size)
		}
		pos += int64(size)
		q.advance(&at, size)
	}
	q.Compact()
}

// tidy compacts once so much is dropped that it pays.
func (q *Queue) tidy() {
	if q.dead > q.Len()/4+slack {
		q.Compact()
	}
}
