package sendq

import "fmt"

// Check returns an error if what the queue knows does not agree with what it holds. It is
// for tests.
func (q *Queue) Check() error {
	n := -q.off
	for i, c := range q.chunks {
		size := len(c.bytes())
		if n += size; size == 0 || i == 0 && q.off >= size {
			return fmt.Errorf("chunk %d of %d has %d bytes, %d of the first are gone", i, len(q.chunks), size, q.off)
		}
	}
	if n != q.bytes {
		return fmt.Errorf("%d bytes in chunks, counted %d", n, q.bytes)
	}
	if q.begun < q.gone || q.begun > q.end() || q.oldest > q.end() {
		return fmt.Errorf("queue %d..%d, begun %d, oldest %d", q.gone, q.end(), q.begun, q.oldest)
	}
	if q.dead > q.Len()/4+slack {
		return fmt.Errorf("%d of %d bytes are dropped and not given back", q.dead, q.bytes)
	}
	return q.checkEntries()
}

func (q *Queue) checkEntries() error {
	if q.more == nil {
		if q.dead != 0 || len(q.chunks) > 1 {
			return fmt.Errorf("%d bytes dropped, %d chunks, and no backlog", q.dead, len(q.chunks))
		}
		return nil
	}
	keys, dead, behind := 0, 0, q.begun
	for _, e := range q.more.waiting() {
		if e.key != "" {
			keys++
		} else {
			dead += e.size
		}
		if e.at < behind || e.end() > q.end() {
			return fmt.Errorf("entry %d..%d, %d is before it, the end at %d", e.at, e.end(), behind, q.end())
		}
		behind = e.end()
	}
	if keys != q.more.keys || dead != q.dead {
		return fmt.Errorf("%d keys wait, %d bytes are dropped; counted %d and %d", keys, dead, q.more.keys, q.dead)
	}
	if was := q.more.charged; was != q.more.memory() {
		return fmt.Errorf("a backlog of %d bytes, counted %d", q.more.memory(), was)
	}
	return nil
}
