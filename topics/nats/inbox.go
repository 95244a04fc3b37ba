package nats

import (
	"sync"

	"github.com/framerail/framerail/topics"
)

// itemCost is what an item takes beside its bytes, about.
const itemCost = 128

// item is a message, or a mark where some were dropped.
type item struct {
	topics.Packet
	gap bool // of Topic, or of any topic if it is ""
}

// inbox is what waits for the Topics: a queue bounded in bytes.
type inbox struct {
	mu     sync.Mutex
	ready  sync.Cond // on mu
	most   int
	bytes  int    // guarded by mu: also what is being delivered
	items  []item // guarded by mu
	closed bool   // guarded by mu: nothing more comes
	thrown bool   // guarded by mu: nothing more is delivered
}

func (q *inbox) init(most int) {
	q.most = most
	q.ready.L = &q.mu
}

func cost(p *topics.Packet) int { return len(p.Data) + len(p.Topic) + itemCost }

// put appends a message, or marks that it was dropped. One message fits always.
func (q *inbox) put(p topics.Packet) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if n := cost(&p); q.bytes == 0 || q.bytes+n <= q.most {
		q.bytes += n
		q.items = append(q.items, item{Packet: p})
		q.ready.Signal()
		return
	}
	if n := len(q.items); n > 0 && q.items[n-1].gap {
		if q.items[n-1].Topic != p.Topic {
			q.items[n-1].Topic = "" // several topics
		}
		return
	}
	q.items = append(q.items, item{Packet: topics.Packet{Topic: p.Topic}, gap: true})
	q.ready.Signal()
}

// close has deliver return when it has delivered the rest.
func (q *inbox) close() {
	q.mu.Lock()
	q.closed = true
	q.mu.Unlock()
	q.ready.Signal()
}

// discard has deliver return soon.
func (q *inbox) discard() {
	q.mu.Lock()
	q.thrown = true
	q.mu.Unlock()
	q.ready.Signal()
}

// next waits for items, and takes all of them in exchange for an empty list. It is nil at the end.
func (q *inbox) next(empty []item) []item {
	q.mu.Lock()
	defer q.mu.Unlock()
	for len(q.items) == 0 && !q.closed && !q.thrown {
		q.ready.Wait()
	}
	if q.thrown || len(q.items) == 0 {
		return nil
	}
	items := q.items
	q.items = empty
	return items
}

// delivered gives bytes back, and reports whether to go on.
func (q *inbox) delivered(bytes int) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.bytes -= bytes
	return !q.thrown
}

// maxSpare is how many items an empty list may have room for.
const maxSpare = 1 << 16

// deliver calls the node, until the inbox is closed or discarded.
func (q *inbox) deliver(n topics.Node) {
	var items []item
	for {
		if cap(items) > maxSpare {
			items = nil
		}
		if items = q.next(items[:0]); items == nil {
			return
		}
		for i := range items {
			it, bytes := &items[i], 0
			if it.gap {
				n.Gap(it.Topic)
			} else {
				n.Receive(it.Packet)
				bytes = cost(&it.Packet)
			}
			if !q.delivered(bytes) {
				return
			}
		}
		clear(items)
	}
}
