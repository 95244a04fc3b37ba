package topics

import (
	"iter"
	"sync"
	"time"
	"unsafe"

	"github.com/framerail/framerail/conn"
	"github.com/framerail/framerail/frame"
	"github.com/framerail/framerail/internal/session"
)

// publication is a message on its way to members, and one that is kept. Those that send it share its compressed
// forms. When the last of them is done, histories keep it without these.
type publication struct {
	message *session.Prepared
	era     *era      // of the topic; nil if only patterns have it
	offset  uint64    // in the topic
	outage  uint32    // members that joined in this outage are not sent it; 0: all are
	size    int       // bytes of memory, without compressed forms
	at      time.Time // set if it is kept
	once    uint64    // a number of its own if several topics have it; 0: only one has

	mu      sync.Mutex
	senders int // guarded by mu: holders that send it, or will
	keepers int // guarded by mu: histories that keep it
}

// publicationCost is how many bytes a publication takes besides its message, with its places in a history.
const publicationCost = int(unsafe.Sizeof(publication{}) + 2*unsafe.Sizeof((*publication)(nil)))

var publications = sync.Pool{New: func() any { return new(publication) }}

// newPublication encodes a message. The caller holds the publication.
func newPublication(m conn.Message) (*publication, error) {
	message, err := session.Prepare(outgoing(m))
	if err != nil {
		return nil, err
	}
	pub := publications.Get().(*publication)
	pub.message, pub.size = message, message.Size()+publicationCost
	pub.senders = 1
	return pub, nil
}

func outgoing(m conn.Message) session.Outgoing {
	return session.Outgoing{Type: frame.Opcode(m.Type), Uncompressed: m.Uncompressed, Valid: m.Valid, Payload: m.Payload, Key: m.Key}
}

// hold notes one more that sends the publication. Whoever calls it holds the publication, or has it from a history whose topic
// is locked.
func (p *publication) hold() *publication {
	p.mu.Lock()
	p.senders++
	p.mu.Unlock()
	return p
}

// release ends the hold of one that sends the publication.
func (p *publication) release() { p.end(1, 0) }

// keep notes one more history that keeps the publication.
func (p *publication) keep() *publication {
	p.mu.Lock()
	p.keepers++
	p.mu.Unlock()
	return p
}

// forget ends a history's hold.
func (p *publication) forget() { p.end(0, 1) }

// end ends holds. The last one's gives the publication back.
func (p *publication) end(senders, keepers int) {
	p.mu.Lock()
	p.senders -= senders
	p.keepers -= keepers
	unused := p.senders == 0 && p.keepers == 0
	if p.senders == 0 && !unused {
		p.message.Shrink()
	}
	p.mu.Unlock()
	if !unused {
		return
	}
	p.message.Release()
	p.message, p.era, p.offset, p.once, p.outage = nil, nil, 0, 0, 0
	publications.Put(p)
}

// held holds each of these for one more that sends it.
func held(all []*publication) []*publication {
	for _, pub := range all {
		pub.hold()
	}
	return all
}

// release ends such a hold of each of these.
func release(all []*publication) {
	for _, pub := range all {
		pub.release()
	}
}

// messagesOf are the messages of publications.
func messagesOf(all []*publication) iter.Seq[*session.Prepared] {
	return func(yield func(*session.Prepared) bool) {
		for _, pub := range all {
			if !yield(pub.message) {
				return
			}
		}
	}
}
