package session

// latest is the messages sent with a key that wait, for OverflowLatest. Guarded by the
// connection's mu.
type latest struct {
	marks  []mark // in the order of sending, so that those in behind come last
	live   int    // marks with a key
	behind int    // those of them in behind

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

// keepIndex is the size up to which marks and an index are kept for the next
// connection.
const keepIndex = 1 << 10

// cost is how many bytes of the bound the keys take.
func (k *latest) cost() int { return keyCost * k.live }

// mark marks a message that will be next in a line.
func (q *queue) mark(l *line, key string) {
	k := &q.latest
	k.marks = append(k.marks, mark{l, l.end(), key})
	k.count(l == &q.behind, 1)
}

// count notes that there are n more marks with a key.
func (k *latest) count(behind bool, n int) {
	k.live += n
	if behind {
		k.behind += n
	}
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
		k.marks, k.live, k.behind = k.marks[:0], 0, 0
		k.unindex()
	}
	if cap(k.marks) > keepIndex {
		k.marks = nil
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
	q.latest.count(m.line == &q.behind, -1)
	c.noteDropped(rareReplaced, 1, size)
}

// begin forgets the keys of messages in l that have begun to leave.
func (k *latest) begin(l *line) {
	n := 0
	for ; n < len(k.marks) && k.marks[n].line == l && k.marks[n].at < l.begun; n++ {
		if k.marks[n].key != "" {
			k.count(false, -1)
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
