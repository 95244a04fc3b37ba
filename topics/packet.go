package topics

import (
	"encoding/binary"
	"errors"

	"github.com/framerail/framerail/conn"
)

// errForeign: the Data of a packet was not made by a Topics, or by one of another version.
var errForeign = errors.New("framerail: a broker's message is not of this package")

// kind is what a packet says.
type kind byte

const (
	kindMessage kind = 1 + iota // a message to the members
	kindLast                    // the number of the publisher's last message, once more
	kindCensus                  // a node's members
)

// header is what all Data begins with: a byte for the format, one for the kind, eight for the node, and the number.
type header struct {
	kind   kind
	node   uint64
	number number
}

// number counts what a node publishes to a topic. A node that was quiet for a while begins a
// new series. A series that is greater is newer.
type number struct{ series, n uint64 }

// before reports whether a number is of an earlier message.
func (a number) before(b number) bool {
	return a.series < b.series || a.series == b.series && a.n < b.n
}

// format is the first byte of all Data. It is no character in UTF-8.
const format = 0xF5

// Flags of a message.
const (
	flagBinary = 1 << iota
	flagValid
	flagUncompressed
	flagsKnown = 1<<iota - 1
)

// maxHeader is how long a header may be.
const maxHeader = 10 + 2*binary.MaxVarintLen64

func (h header) append(b []byte) []byte {
	b = append(b, format, byte(h.kind))
	b = binary.BigEndian.AppendUint64(b, h.node)
	b = binary.AppendUvarint(b, h.number.series)
	return binary.AppendUvarint(b, h.number.n)
}

// body begins what is behind a header, with room for that before it, and for n bytes.
func body(n int) []byte { return make([]byte, maxHeader, maxHeader+n) }

// bodyOf is the body of a message, with room for the header.
func bodyOf(m conn.Message) []byte {
	return appendMessage(body(1+binary.MaxVarintLen64+len(m.Key)+len(m.Payload)), m)
}

// before puts the header before a body, and returns all of it.
func (h header) before(body []byte) []byte {
	var b [maxHeader]byte
	head := h.append(b[:0])
	data := body[maxHeader-len(head):]
	copy(data, head)
	return data
}

// appendMessage appends what is behind the header of a message.
func appendMessage(b []byte, m conn.Message) []byte {
	var flags byte
	if m.Type == conn.Binary {
		flags |= flagBinary
	}
	if m.Valid {
		flags |= flagValid
	}
	if m.Uncompressed {
		flags |= flagUncompressed
	}
	b = binary.AppendUvarint(append(b, flags), uint64(len(m.Key)))
	return append(append(b, m.Key...), m.Payload...)
}

// scanner reads Data from its beginning. After an error it reads zeros.
type scanner struct {
	b   []byte
	bad bool
}

func (s *scanner) take(n uint64) []byte {
	if n > uint64(len(s.b)) {
		s.b, s.bad = nil, true
		return nil
	}
	taken := s.b[:n]
	s.b = s.b[n:]
	return taken
}

func (s *scanner) byte() byte {
	if b := s.take(1); b != nil {
		return b[0]
	}
	return 0
}

// uvarint reads a number in its shortest form.
func (s *scanner) uvarint() uint64 {
	v, n := binary.Uvarint(s.b)
	if n <= 0 || n > 1 && s.b[n-1] == 0 {
		s.b, s.bad = nil, true
		return 0
	}
	s.b = s.b[n:]
	return v
}

// kindOf is the kind of Data that this process has made.
func kindOf(data []byte) kind { return kind(data[1]) }

// readHeader reads the header of Data, and returns what is behind it.
func readHeader(data []byte) (h header, rest []byte, err error) {
	s := scanner{b: data}
	first := s.byte()
	h.kind = kind(s.byte())
	if node := s.take(8); node != nil {
		h.node = binary.BigEndian.Uint64(node)
	}
	h.number = number{s.uvarint(), s.uvarint()}
	if s.bad || first != format || h.kind < kindMessage || h.kind > kindCensus || h.kind == kindLast && len(s.b) > 0 {
		return header{}, nil, errForeign
	}
	return h, s.b, nil
}

// readMessage reads what is behind the header of a message. The payload refers to data.
func readMessage(data []byte) (m conn.Message, err error) {
	s := scanner{b: data}
	flags := s.byte()
	key := s.take(s.uvarint())
	if s.bad || flags > flagsKnown {
		return m, errForeign
	}
	m = conn.Message{Type: conn.Text, Payload: s.b, Key: string(key), Valid: flags&flagValid != 0, Uncompressed: flags&flagUncompressed != 0}
	if flags&flagBinary != 0 {
		m.Type = conn.Binary
	}
	return m, nil
}
