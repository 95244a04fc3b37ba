package topics

import (
	"sync"
	"sync/atomic"
	"time"

	"github.com/framerail/framerail/conn"
	"github.com/framerail/framerail/frame"
	"github.com/framerail/framerail/internal/session"
)

// publication is a message on its way to members, and one that is kept.
type publication struct {
	message *session.Prepared
	era     *era          // of the topic; nil if only patterns have it
	offset  uint64        // in the topic
	except  *session.Conn // is not sent it; nil: all are
	outage  uint32        // members that joined in this outage are not sent it; 0: all are
	size    int           // bytes of memory
	at      time.Time     // set if it is kept
	once    uint64        // a number of its own if several topics have it; 0: only one has

	holders atomic.Int64
}

var publications = sync.Pool{New: func() any { return new(publication) }}

// newPublication encodes a message. The caller holds the publication.
func newPublication(m conn.Message, except *conn.Conn) (*publication, error) {
	message, err := session.Prepare(outgoing(m))
	if err != nil {
		return nil, err
	}
	pub := publications.Get().(*publication)
	pub.message, pub.except, pub.size = message, (*session.Conn)(except), message.Size()
	pub.holders.Store(1)
	return pub, nil
}

func outgoing(m conn.Message) session.Outgoing {
	return session.Outgoing{Type: frame.Opcode(m.Type), Uncompressed: m.Uncompressed, Valid: m.Valid, Payload: m.Payload, Key: m.Key}
}

// hold notes one more holder.
func (p *publication) hold() *publication {
	p.holders.Add(1)
	return p
}

// release ends a holder's hold. The last one's gives it back.
func (p *publication) release() {
	if p.holders.Add(-1) > 0 {
		return
	}
	p.message.Release()
	p.message, p.era, p.except, p.offset, p.once, p.outage = nil, nil, nil, 0, 0, 0
	publications.Put(p)
}
