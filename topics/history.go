package topics

import (
	"sort"
	"time"
)

// History says what a topic keeps of the messages that were published. The zero History keeps
// nothing.
type History struct {
	// Last sends each connection that subscribes the last message first. That message is kept with its compressed forms,
	// one for each level and window of the members.
	Last bool
	// Messages is how many messages are kept for SubscribeSince. They are kept uncompressed.
	Messages int
	// Bytes bounds the memory of those. A message takes its own bytes, rounded up to a power of two, and about 400 more. 0:
	// no bound.
	Bytes int
	// Age is how long those messages are kept: an older one is sent to nobody. Its memory may be freed up to another Age later.
	// A topic that nobody uses is forgotten after Age, with the message of Last. While it is used, that one stays however old it
	// is. 0: for as long as the process runs.
	Age time.Duration

	// Presence has the nodes of a Broker tell each other how many members the topic has, and their values: see
	// [Topics.Census]. It keeps no messages.
	Presence bool
}

// keeps reports whether anything is kept.
func (k *History) keeps() bool { return k.Last || k.Messages > 0 }

// history is what a topic keeps. Guarded by the topic's mu.
type history struct {
	kept  []*publication // a ring
	first int            // the oldest
	n     int
	bytes int
	floor uint64       // all that has a greater offset is kept
	last  *publication // nil unless History.Last. It is held, so it keeps its compressed forms
}

func (r *history) at(i int) *publication { return r.kept[(r.first+i)%len(r.kept)] }

// add keeps a publication.
func (r *history) add(k *History, pub *publication) {
	if k.Last {
		if r.last != nil {
			r.last.release()
		}
		r.last = pub.hold()
	}
	if k.Messages <= 0 {
		r.floor = pub.offset
		return
	}
	for r.n >= k.Messages {
		r.drop()
	}
	if r.n == len(r.kept) {
		r.grow(k.Messages)
	}
	r.kept[(r.first+r.n)%len(r.kept)] = pub.keep()
	r.n++
	r.bytes += pub.size
	for k.Bytes > 0 && r.bytes > k.Bytes {
		r.drop()
	}
	r.expire(k, pub.at)
}

// expire drops what is too old.
func (r *history) expire(k *History, now time.Time) {
	for k.Age > 0 && r.n > 0 && now.Sub(r.at(0).at) > k.Age {
		r.drop()
	}
}

// drop drops the oldest.
func (r *history) drop() {
	pub := r.at(0)
	r.kept[r.first] = nil
	r.first = (r.first + 1) % len(r.kept)
	r.n--
	r.bytes -= pub.size
	r.floor = pub.offset
	pub.forget()
}

// behind is all that is kept behind an offset. It must not lie below the floor.
func (r *history) behind(offset uint64) []*publication {
	n := r.n - sort.Search(r.n, func(i int) bool { return r.at(i).offset > offset })
	if n == 0 {
		return nil
	}
	all := make([]*publication, n)
	for i := range all {
		all[i] = r.at(r.n - n + i)
	}
	return all
}

// begin forgets all that is kept for SubscribeSince. What comes next lies behind floor.
func (r *history) begin(floor uint64) {
	for r.n > 0 {
		r.drop()
	}
	r.floor = floor
}

// prepend puts older messages before those that are kept, also beyond what may be kept: the next
// message ends that. All behind floor is there then.
func (r *history) prepend(older []*publication, floor uint64) {
	all := make([]*publication, 0, len(older)+r.n)
	for _, pub := range older {
		all = append(all, pub.keep())
		r.bytes += pub.size
	}
	for i := range r.n {
		all = append(all, r.at(i))
	}
	r.kept, r.first, r.n, r.floor = all, 0, len(all), floor
}

// grow makes room for more, up to most.
func (r *history) grow(most int) {
	grown := make([]*publication, min(max(8, 2*len(r.kept)), most))
	for i := range r.n {
		grown[i] = r.at(i)
	}
	r.kept, r.first = grown, 0
}

// clear drops all.
func (r *history) clear() {
	r.begin(r.floor)
	r.forgetLast()
}

// forgetLast drops what newcomers get.
func (r *history) forgetLast() {
	if r.last != nil {
		r.last.release()
		r.last = nil
	}
}
