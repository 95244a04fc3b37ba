package handshake

import (
	"crypto/rand"
	"encoding/base64"
	"net/http"

	"github.com/framerail/framerail/internal/token"
)

// NewKey draws a Sec-WebSocket-Key: 16 bytes that nobody can guess, in base64. Each connection
// needs a key of its own. RFC 6455 4.1.
func NewKey() string {
	var nonce [16]byte
	_, _ = rand.Read(nonce[:]) // never fails
	return base64.StdEncoding.EncodeToString(nonce[:])
}

// Accept is the Sec-WebSocket-Accept that answers a key of NewKey. RFC 6455 4.2.2.
func Accept(key string) string { return string(AppendAccept(nil, []byte(key))) }

// Offer is what a client's request asks for, against which the answer is checked.
type Offer struct {
	Key          string
	Subprotocols []string
}

// Validate returns the *[CallerError] that keeps the offer from being sent: a subprotocol that
// is not a token, or that stands twice. RFC 6455 4.1.
func (o *Offer) Validate() error {
	seen := make(map[string]bool, len(o.Subprotocols))
	for _, name := range o.Subprotocols {
		if !ValidSubprotocol(name) {
			return &CallerError{What: quoted("subprotocol", name), Err: ErrSubprotocolName}
		}
		if seen[name] {
			return &CallerError{What: quoted("subprotocol", name), Err: ErrSubprotocolTwice}
		}
		seen[name] = true
	}
	return nil
}

// SetHeader puts the fields of the opening handshake into the header of a request, apart from
// Host, which net/http writes. extensions is the value of Sec-WebSocket-Extensions, "" for
// none. RFC 6455 4.1.
func (o *Offer) SetHeader(h http.Header, extensions string) {
	// The names are the RFC's, and not what net/http makes of them: some servers compare the case.
	h["Upgrade"] = []string{"websocket"}
	h["Connection"] = []string{"Upgrade"}
	h["Sec-WebSocket-Version"] = []string{"13"}
	h["Sec-WebSocket-Key"] = []string{o.Key}
	if len(o.Subprotocols) > 0 {
		value := o.Subprotocols[0]
		for _, name := range o.Subprotocols[1:] {
			value += ", " + name
		}
		h["Sec-WebSocket-Protocol"] = []string{value}
	}
	if extensions != "" {
		h["Sec-WebSocket-Extensions"] = []string{extensions}
	}
}

// CheckRequestHeader returns the *[CallerError] that keeps a header of the program's from being
// sent with an opening handshake: a name that is not a token, a value with CR, LF, NUL or another
// control byte, or a field that is the handshake's own or frames content.
func CheckRequestHeader(h http.Header) error { return checkHeader(h, ownedInResponse) }

// CheckAnswer checks a server's answer by RFC 6455 4.1, after "The client MUST validate the
// server's response", and returns the subprotocol that the server has chosen, "" for none. The
// extensions are for package deflate to check. The error is an *[AnswerError].
func (o *Offer) CheckAnswer(resp *http.Response) (subprotocol string, err error) {
	if err := checkSize(resp.Header); err != nil {
		return "", err
	}

	// RFC 6455 4.1, 1: any other status is HTTP's.
	if resp.StatusCode != http.StatusSwitchingProtocols {
		return "", ErrAnswerStatus.of(resp.Status)
	}
	if resp.ProtoMajor != 1 || resp.ProtoMinor < 1 {
		return "", ErrAnswerVersion.of(resp.Proto)
	}

	// RFC 6455 4.1, 2 and 3. Both fields are lists in HTTP (RFC 9110 7.6.1, 7.8).
	if !anyHasToken(resp.Header["Upgrade"], "websocket") {
		return "", ErrAnswerUpgrade.ofLines(resp.Header["Upgrade"])
	}
	if !anyHasToken(resp.Header["Connection"], "upgrade") {
		return "", ErrAnswerConnection.ofLines(resp.Header["Connection"])
	}

	// RFC 6455 4.1, 4.
	accept := resp.Header[http.CanonicalHeaderKey("Sec-WebSocket-Accept")]
	if len(accept) != 1 || token.Trim(accept[0]) != Accept(o.Key) {
		return "", ErrAnswerAccept.ofLines(accept)
	}

	// RFC 6455 4.1, 6.
	return o.chosen(resp.Header[http.CanonicalHeaderKey("Sec-WebSocket-Protocol")])
}

// chosen is the subprotocol in the lines of an answer's Sec-WebSocket-Protocol.
func (o *Offer) chosen(lines []string) (string, error) {
	switch len(lines) {
	case 0:
		return "", nil
	case 1:
		name := token.Trim(lines[0])
		for _, offered := range o.Subprotocols {
			if name == offered { // with regard to case: RFC 6455 4.2.2
				return name, nil
			}
		}
	}
	return "", ErrAnswerSubprotocol.ofLines(lines)
}

func anyHasToken(lines []string, name string) bool {
	for _, line := range lines {
		if HasToken(line, name) {
			return true
		}
	}
	return false
}

// checkSize bounds what an answer may take, as Limits does for requests.
func checkSize(h http.Header) error {
	lines, bytes := 0, 0
	for name, values := range h {
		for _, value := range values {
			lines++
			bytes += len(name) + len(": \r\n") + len(value)
		}
	}
	switch {
	case lines > MaxHeaders:
		return ErrAnswerLines.ofNumber(lines)
	case bytes > MaxHeadBytes:
		return ErrAnswerSize.ofNumber(bytes)
	}
	return nil
}
