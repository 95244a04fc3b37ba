package handshake

import (
	"bytes"

	"github.com/framerail/framerail/internal/token"
)

// Parse splits a complete head, as [Scanner.Scan] found it, into r, which is
// overwritten whole. The slices of r are views of head: valid as long as head is
// unchanged; copy to keep. Parse does not allocate and keeps nothing else.
//
// On error, a *[Refusal], r holds what was understood before it. Parse rests on
// nothing the Scanner has checked. RFC 9112 sections 3 to 6.
func Parse(head []byte, r *Request) error {
	*r = Request{}

	// RFC 9112 2.2: one empty line before the request line is ignored.
	head = bytes.TrimPrefix(head, []byte("\r\n"))

	line, rest, err := cutLine(head)
	if err != nil {
		return err
	}
	if err := r.parseRequestLine(line); err != nil {
		return err
	}

	// RFC 9112 2.1: field lines, then an empty line, then no more.
	fields := rest
	for {
		line, after, err := cutLine(rest)
		if err != nil {
			return err
		}
		if len(line) == 0 {
			r.fields = fields[:len(fields)-len(rest)]
			if len(after) > 0 {
				return ErrIncomplete
			}
			break
		}
		if err := r.parseField(line); err != nil {
			return err
		}
		rest = after
	}
	r.Origin = r.known[originField].first
	r.Key = r.known[keyField].first

	if err := r.checkHost(); err != nil {
		return err
	}
	return r.checkFraming()
}

// cutLine takes one line off, without its CR LF. RFC 9112 2.2.
func cutLine(s []byte) (line, rest []byte, err error) {
	i := bytes.IndexByte(s, '\n')
	if i < 0 {
		return nil, nil, ErrIncomplete
	}
	if i == 0 || s[i-1] != '\r' {
		return nil, nil, ErrBareLF
	}
	return s[:i-1], s[i+1:], nil
}

// parseRequestLine reads method SP request-target SP HTTP-version: RFC 9112 3.
func (r *Request) parseRequestLine(line []byte) error {
	method, rest, ok := bytes.Cut(line, []byte(" "))
	if !ok || !all(method, &token.Is) {
		return ErrRequestLine
	}
	r.Method = method

	target, version, ok := bytes.Cut(rest, []byte(" "))
	if !ok || bytes.IndexByte(version, ' ') >= 0 {
		return ErrRequestLine
	}
	if err := r.parseVersion(version); err != nil {
		return err
	}
	return r.parseTarget(target)
}

// parseVersion reads HTTP/DIGIT.DIGIT: RFC 9112 2.3.
func (r *Request) parseVersion(v []byte) error {
	const form = "HTTP/1.1"
	if len(v) != len(form) || string(v[:5]) != form[:5] || v[6] != '.' || !isDecimal[v[5]] || !isDecimal[v[7]] {
		return ErrHTTPVersion
	}
	if v[5] != '1' {
		return ErrHTTPMajor
	}
	r.Minor = int(v[7] - '0')
	return nil
}

// parseField reads field-name ":" OWS field-value OWS: RFC 9112 5.
func (r *Request) parseField(line []byte) error {
	// RFC 9112 5.2: a line that begins with white space continues the one
	// before it, which a server refuses.
	if line[0] == ' ' || line[0] == '\t' {
		return ErrObsFold
	}

	// RFC 9112 5.1: no white space between name and colon.
	end := 0
	for end < len(line) && token.Is[line[end]] {
		end++
	}
	if end == 0 || end == len(line) || line[end] != ':' {
		return nameFault(line)
	}
	name := line[:end]

	// RFC 9110 5.5: no control bytes in the value.
	value := token.Trim(line[end+1:])
	if fieldBytes(value) < len(value) {
		if bytes.IndexByte(value, '\r') >= 0 {
			return ErrBareCR
		}
		return ErrControlByte
	}

	if f := known(name); f != notKnown {
		if r.known[f].lines == 0 {
			r.known[f].first = value
		}
		r.known[f].lines++
	}
	return nil
}

// nameFault names what is wrong with a field line that does not begin with a name and a colon.
func nameFault(line []byte) *Refusal {
	name, _, ok := bytes.Cut(line, []byte(":"))
	if ok && len(name) > 0 && (name[len(name)-1] == ' ' || name[len(name)-1] == '\t') {
		return ErrSpaceBeforeColon
	}
	return ErrFieldName
}

// checkFraming refuses what two readers could frame differently: RFC 9112 6.
func (r *Request) checkFraming() error {
	length, coding := &r.known[contentLengthField], &r.known[transferEncodingField]

	// RFC 9112 6.3: a list or a second line is an attack or an error, even if
	// the numbers agree. 18 digits hold every length there is.
	if length.lines > 1 || length.lines == 1 && (len(length.first) > 18 || !all(length.first, &isDecimal)) {
		return ErrContentLength
	}

	// RFC 9112 6.1: not with a Content-Length, not in HTTP/1.0, and nothing but
	// chunked, since content is never read here.
	if coding.lines == 0 {
		return nil
	}
	if length.lines > 0 {
		return ErrLengthAndCoding
	}
	switch {
	case coding.lines == 1 && r.Minor > 0 && equalFold(coding.first, "chunked"):
		return nil
	case coding.lines == 1 && r.Minor > 0 && otherCoding(coding.first):
		return ErrTransferCoding
	}
	return ErrTransferEncoding
}

// otherCoding tells whether content is coded otherwise and then chunked, once and as
// the last thing: so its end could be found, but it could not be understood.
func otherCoding(list []byte) bool {
	n := 0
	for ; len(list) > 0; n++ {
		var coding []byte
		coding, list = cutElement(list)
		if len(coding) == 0 || equalFold(coding, "chunked") != (len(list) == 0) {
			return false
		}
	}
	return n > 1
}
