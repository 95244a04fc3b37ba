package load

import "github.com/framerail/framerail/bench/internal/wire"

// variants is how many different messages each client cycles through, so that
// an echo of an earlier message is not taken for that of the present one; sets
// is how many such cycles there are, so that neighbours differ too. Together
// they are fewer than wire.Payload can tell apart by the first byte.
const (
	variants = 4
	sets     = 16
)

type message struct {
	answer  byte // opcode of what the server sends
	payload []byte
	frame   []byte // the same, framed and masked
}

func newMessages(o Options, agreed wire.Agreement) ([][variants]message, error) {
	messages := make([][variants]message, min(sets, o.Conns))
	for i := range messages {
		for j := range messages[i] {
			m, err := newMessage(o, agreed, i*variants+j)
			if err != nil {
				return nil, err
			}
			messages[i][j] = m
		}
	}
	return messages, nil
}

func newMessage(o Options, agreed wire.Agreement, seed int) (message, error) {
	maskingKey := [4]byte{byte(seed), 0x17, 0x5a, 0xc3}
	if o.Offer != "" {
		payload := wire.Prose(o.Size, seed)
		compressed, err := wire.Deflate(payload, agreed.ClientBits)
		return message{opcode, payload, wire.AppendDeflated(nil, opcode, maskingKey, compressed)}, err
	}
	payload := wire.Payload(o.Size, seed)
	if o.Text == Cyrillic {
		payload = wire.Cyrillic(o.Size, seed)
	}
	return message{opcode, payload, wire.AppendFrame(nil, true, opcode, maskingKey, payload)}, nil
}

// due is a message that the server is to send, and when it was to be sent by the client, in
// nanoseconds.
type due struct {
	message *message
	at      int64
}

// queue is first in, first out. Its room grows as needed and is kept.
type queue struct {
	items []due
	head  int
}

func (q *queue) len() int { return len(q.items) - q.head }

func (q *queue) first() due { return q.items[q.head] }

func (q *queue) push(d due) {
	if len(q.items) == cap(q.items) {
		q.items, q.head = q.items[:copy(q.items, q.items[q.head:])], 0
	}
	q.items = append(q.items, d)
}

func (q *queue) pop() due {
	d := q.first()
	q.head++
	return d
}
