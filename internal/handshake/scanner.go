package handshake

import "github.com/framerail/framerail/internal/token"

// A Scanner finds the end of a request head in bytes that arrive in pieces.
// It looks at each byte once: the cost is linear in the bytes however they were
// cut. The zero Scanner is ready. It is 12 bytes, holds no memory, and is not
// safe for use by several goroutines at once.
type Scanner struct {
	pos     uint32 // bytes already judged
	headers uint32 // field lines begun
	state   scanState
}

type scanState uint8

const (
	atStart       scanState = iota // nothing but what follows is expected yet
	afterLeadCR                    // CR of the one empty line that is ignored
	atRequestLine                  // the request line must begin here
	inRequestLine
	afterRequestCR
	atLine // a field line or the closing empty line must begin here
	inField
	afterFieldCR
	afterEndCR // CR of the closing empty line
	atEnd
)

// Scan looks for the end of the head within limits, which must be the same at each call. head is
// everything received so far, from the connection's first byte; what an earlier
// call has seen is not looked at again.
//
// end > 0: the head is head[:end], its closing empty line included, and
// head[end:] is not HTTP. end == 0 with a nil error: more bytes are needed.
// Otherwise err is a *[Refusal], 400 or 431, found at the same byte wherever
// the bytes were cut; calling Scan again repeats the answer.
//
// Scan keeps no reference to head. RFC 9112 sections 2.2, 5 and 5.2.
func (s *Scanner) Scan(head []byte, limits Limits) (end int, err error) {
	limit := limits.HeadBytes()
	visible := head[:min(len(head), limit)]

	// The switch runs once per byte only between lines.
	for int(s.pos) < len(visible) && s.state != atEnd {
		b := visible[s.pos]
		switch s.state {
		case atStart, atRequestLine:
			// RFC 9112 2.2: one empty line before the request line is ignored.
			if b == '\r' && s.state == atStart {
				s.state = afterLeadCR
				break
			}
			if !token.Is[b] {
				return 0, requestLineFault(b)
			}
			s.state = inRequestLine

		case atLine:
			if b == '\r' {
				s.state = afterEndCR
				break
			}
			if !token.Is[b] {
				return 0, fieldLineFault(b)
			}
			if int(s.headers) >= limits.headers() {
				return 0, ErrTooManyHeaders
			}
			s.headers++
			s.state = inField

		case inRequestLine, inField:
			i := int(s.pos) + fieldBytes(visible[s.pos:])
			s.pos = uint32(i)
			if i == len(visible) {
				continue
			}
			if visible[i] != '\r' {
				return 0, controlFault(visible[i])
			}
			s.state++ // afterRequestCR, afterFieldCR

		case afterLeadCR, afterRequestCR, afterFieldCR, afterEndCR:
			if b != '\n' {
				return 0, ErrBareCR
			}
			s.state = afterLF[s.state]
		}
		s.pos++
	}

	if s.state == atEnd {
		return int(s.pos), nil
	}
	if int(s.pos) >= limit {
		return 0, ErrHeadTooLong
	}
	return 0, nil
}

// afterLF is the state that follows the LF of each kind of line.
var afterLF = [...]scanState{
	afterLeadCR:    atRequestLine,
	afterRequestCR: atLine,
	afterFieldCR:   atLine,
	afterEndCR:     atEnd,
}

// requestLineFault names what is wrong with a byte that cannot begin a request.
func requestLineFault(b byte) *Refusal {
	if b == '\r' {
		return ErrRequestLine
	}
	if isFieldByte[b] && b != '\t' {
		return ErrRequestLine
	}
	return controlFault(b)
}

// fieldLineFault names what is wrong with a byte that cannot begin a field line.
func fieldLineFault(b byte) *Refusal {
	switch {
	case b == ' ' || b == '\t':
		return ErrObsFold
	case isFieldByte[b]:
		return ErrFieldName
	}
	return controlFault(b)
}

func controlFault(b byte) *Refusal {
	if b == '\n' {
		return ErrBareLF
	}
	return ErrControlByte
}
