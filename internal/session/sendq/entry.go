package sendq

import "unsafe"

// entry is what a queue knows of some of its bytes, beside them: a message with a key or,
// if the key is "", bytes that were dropped. Those are a whole number of frames, of which
// nothing has left.
type entry struct {
	at   int64
	size int
	key  string
}

// KeyCost is how many bytes of the bound on pending bytes a waiting key takes: its entry
// and its place in the index.
const KeyCost = 64

const (
	minList  = 8       // chunks or entries that a list has room for at first
	keepList = 1 << 10 // and the most that it has when it is kept for another queue
	keepSlot = 48      // bytes that the index takes for a key, about
)

// backlog is what a queue is lent while it has several chunks or any entries.
type backlog struct {
	store  *Store
	chunks []chunk // the memory of Queue.chunks

	entries []entry // by position
	first   int     // the entries before it are gone
	keys    int     // entries with a key

	// The latest entry of each key among entries[:indexed]. The index is made when a key
	// is first looked up: a queue that is sent within its turn has no use for it.
	index   map[string]int
	indexed int
	slots   int // the most keys that it has had

	hint   cursor // the place of hintAt, if that is not 0
	hintAt int64

	charged int // bytes of memory that the pool counts for all of this
}

// memory is how many bytes the backlog takes.
func (m *backlog) memory() int {
	return int(unsafe.Sizeof(*m)) + cap(m.chunks)*int(unsafe.Sizeof(chunk{})) +
		cap(m.entries)*int(unsafe.Sizeof(entry{})) + m.slots*keepSlot
}

// charge has the pool count that.
func (m *backlog) charge() {
	size := m.memory()
	m.store.Pool.Charge(size - m.charged)
	m.charged = size
}

// waiting are the entries.
func (m *backlog) waiting() []entry { return m.entries[m.first:] }

// add appends an entry, which lies behind all others.
func (q *Queue) add(s *Store, e entry) {
	m := q.backlog(s)
	if len(m.entries) == cap(m.entries) {
		m.growEntries()
	}
	m.entries = append(m.entries, e)
	if e.key != "" {
		m.keys++
	}
}

// growEntries makes room for another entry.
func (m *backlog) growEntries() {
	wait := m.waiting()
	if m.first < len(wait) || cap(m.entries) == 0 {
		grown := make([]entry, 0, max(minList, 2*len(wait)))
		m.entries = append(grown, wait...)
		m.charge()
	} else {
		n := copy(m.entries, wait)
		clear(m.entries[n:])
		m.entries = m.entries[:n]
	}
	m.first = 0
	m.unindex() // they have moved
}

// unindex forgets where keys are.
func (m *backlog) unindex() {
	clear(m.index)
	m.indexed = m.first
}

// forgetEntries forgets all entries. No bytes are dropped.
func (q *Queue) forgetEntries() {
	if m := q.more; m != nil && len(m.entries) > 0 {
		clear(m.entries)
		m.entries, m.first, m.keys = m.entries[:0], 0, 0
		m.unindex()
	}
}

// forgetBegun forgets the keys of messages that have begun to leave.
func (q *Queue) forgetBegun() {
	m := q.more
	if m == nil {
		return
	}
	for m.first < len(m.entries) && m.entries[m.first].at < q.begun {
		e := &m.entries[m.first]
		if e.key != "" {
			m.keys--
			if m.first < m.indexed && m.index[e.key] == m.first {
				delete(m.index, e.key)
			}
		}
		*e = entry{}
		m.first++
	}
	m.indexed = max(m.indexed, m.first)
}

// release gives the backlog back.
func (m *backlog) release() {
	clear(m.entries)
	m.entries, m.first, m.keys, m.hintAt = m.entries[:0], 0, 0, 0
	m.unindex()
	m.store.Pool.Charge(-m.charged)
	m.charged = 0
	if cap(m.chunks) > keepList {
		m.chunks = nil
	}
	if cap(m.entries) > keepList {
		m.entries = nil
	}
	if m.slots > keepList {
		m.index, m.slots = nil, 0
	}
	m.store.backlogs.Put(m)
}

// Keys is how many messages with a key wait, and can still be replaced.
func (q *Queue) Keys() int {
	if q.more == nil {
		return 0
	}
	return q.more.keys
}

// NoteKey notes that the next message to be appended, of that size, has a key.
func (q *Queue) NoteKey(s *Store, key string, size int) {
	q.add(s, entry{at: q.end(), size: size, key: key})
}
