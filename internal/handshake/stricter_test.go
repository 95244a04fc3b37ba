package handshake

import (
	"bufio"
	"bytes"
	"encoding/base64"
	"errors"
	"net/http"
	"regexp"
	"strings"
	"testing"
)

// stricter are the classes of request heads that net/http reads and Parse refuses.
// Each says which heads may be refused so, in terms of the bytes alone: a head that
// net/http reads and that is refused for a reason that it does not give cause for
// is a fault.
var stricter = map[*Refusal]struct {
	why   string
	cause *regexp.Regexp
}{
	ErrBareLF: {"RFC 9112 2.2 lets a reader take a bare LF for the end of a line; another one may not",
		regexp.MustCompile(`(^|[^\r])\n`)},
	ErrBareCR: {"RFC 9112 2.2: a CR that no LF follows is invalid, or a space",
		regexp.MustCompile(`\r([^\n]|$)`)},
	ErrControlByte: {"RFC 9110 5.5: CTLs in a value are invalid; http.ReadRequest leaves them to its callers",
		regexp.MustCompile(`[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]`)},
	ErrObsFold: {"RFC 9112 5.2: a server refuses folded lines, or unfolds them; 2.2: white space before the first field",
		regexp.MustCompile(`\n[ \t]`)},
	ErrIncomplete: {"the head and no byte more is what Parse is given: RFC 9112 2.1",
		regexp.MustCompile(`(?s)\r?\n\r?\n.`)},
	ErrSpaceBeforeColon: {"RFC 9112 5.1: refused; http.ReadRequest leaves it to its callers",
		regexp.MustCompile(`\n[^\n:]*[ \t]:`)},
	ErrFieldName: {"RFC 9110 5.1: a name is a token; http.ReadRequest leaves spaces in it to its callers",
		regexp.MustCompile(`\n[^\n:]* [^\n:]*:`)},
	ErrHTTPMajor: {"only HTTP/1.x is read here: RFC 9110 15.6.6",
		regexp.MustCompile(`^(\r\n)?[^\n]* HTTP/[02-9]\.[0-9]\r?\n`)},
	ErrTarget: {"RFC 9112 3.2: visible ASCII, no fragment, no user information, no authority-form, * for OPTIONS alone, whole escapes",
		regexp.MustCompile(`^(\r\n)?[^ ]+ ([^/ ]|[^ ]*([^ !-~]|#|%[0-9A-Fa-f]?[^0-9A-Fa-f]))`)},
	ErrHost: {"RFC 9112 3.2: the value is uri-host with a port; http.ReadRequest leaves it to its callers",
		regexp.MustCompile(`(?i)\nHost:`)},
	ErrHostMissing: {"RFC 9112 3.2: each HTTP/1.1 request has a Host; http.ReadRequest leaves it to its callers",
		regexp.MustCompile(`^(\r\n)?[^\n]* HTTP/1\.[1-9]\r?\n`)},
	ErrHostRepeated: {"RFC 9112 3.2: more than one Host is refused",
		regexp.MustCompile(`(?is)\nHost:.*\nHost:`)},
	ErrContentLength: {"RFC 9112 6.3: a server may take a repeated length if all are equal; a second reader may take one of them",
		regexp.MustCompile(`(?i)\nContent-Length:`)},
	ErrTransferCoding: {"RFC 9112 6.1: a coding that is not understood is 501",
		regexp.MustCompile(`(?i)\nTransfer-Encoding:`)},
	ErrTransferEncoding: {"RFC 9112 6.1: Transfer-Encoding in HTTP/1.0 is a fault",
		regexp.MustCompile(`(?i)\nTransfer-Encoding:`)},
	ErrLengthAndCoding: {"RFC 9112 6.1: a server may take the chunked coding and drop the length; a second reader may not",
		regexp.MustCompile(`(?is)\n(Content-Length:.*\nTransfer-Encoding|Transfer-Encoding:.*\nContent-Length):`)},
}

// checkStricter holds a refusal to its class where net/http reads the head.
func checkStricter(t *testing.T, head []byte, refused error) {
	t.Helper()
	in := bytes.TrimPrefix(head, []byte("\r\n"))
	if _, err := http.ReadRequest(bufio.NewReader(bytes.NewReader(in))); err != nil {
		return
	}
	var refusal *Refusal
	if !errors.As(refused, &refusal) {
		t.Fatalf("%v is not a refusal", refused)
	}
	class, ok := stricter[refusal]
	if !ok {
		t.Fatalf("net/http reads %q; nothing explains %v", head, refused)
	}
	if !class.cause.Match(head) {
		t.Fatalf("net/http reads %q; it gives no cause for %v (%s)", head, refused, class.why)
	}
}

func TestStricterThanNetHTTPForListedReasonsOnly(t *testing.T) {
	for _, in := range hostile() {
		t.Run(in.name, func(t *testing.T) {
			if err := Parse([]byte(in.bytes), new(Request)); err != nil {
				checkStricter(t, []byte(in.bytes), err)
			}
		})
	}
}

// plainVerify is the oracle of Verify: RFC 6455 4.2.1 over the header that net/http
// makes of a request, by splitting strings. It says whether the handshake is valid.
func plainVerify(req *http.Request) bool {
	lower := func(s string) string { // of ASCII alone
		return strings.Map(func(r rune) rune {
			if 'A' <= r && r <= 'Z' {
				r += 'a' - 'A'
			}
			return r
		}, s)
	}
	elements := func(field string) (list []string) {
		for _, line := range req.Header.Values(field) {
			for element := range strings.SplitSeq(line, ",") {
				list = append(list, strings.Trim(element, " \t"))
			}
		}
		return list
	}
	lists := func(field, token string) bool {
		for _, element := range elements(field) {
			if lower(element) == token {
				return true
			}
		}
		return false
	}
	key, version, origin := req.Header.Values("Sec-Websocket-Key"), req.Header.Values("Sec-Websocket-Version"), req.Header.Values("Origin")
	if len(key) != 1 || len(version) != 1 || len(origin) > 1 || len(origin) == 1 && origin[0] == "" {
		return false
	}
	for _, line := range req.Header.Values("Sec-Websocket-Protocol") {
		if !plainSubprotocols.MatchString(line) {
			return false
		}
	}
	for _, line := range req.Header.Values("Sec-Websocket-Extensions") {
		if !plainExtensions.MatchString(line) {
			return false
		}
	}
	for _, line := range req.Header.Values("Expect") {
		if !plainExpectations.MatchString(line) {
			return false
		}
	}
	nonce, err := base64.StdEncoding.DecodeString(key[0])
	return err == nil && len(nonce) == 16 && version[0] == "13" && req.Method == "GET" && req.ProtoAtLeast(1, 1) &&
		lists("Upgrade", "websocket") && lists("Connection", "upgrade") && req.ContentLength == 0 && len(req.TransferEncoding) == 0
}

// The grammars of RFC 6455 4.3 and 9.1 as regular expressions, which Go matches in
// linear time. RFC 9110 5.6.1: empty elements of a list are ignored.
const (
	reOWS       = `[ \t]*`
	reChar      = "[!#$%&'*+.^_`|~0-9A-Za-z-]"
	reToken     = reChar + `+`
	reQuoted    = `"(\\?` + reChar + `)+"`
	reParam     = reToken + `(` + reOWS + `=` + reOWS + `(` + reToken + `|` + reQuoted + `))?`
	reExtension = reToken + `(` + reOWS + `;` + reOWS + reParam + `)*`
)

var (
	plainSubprotocols = plainList(reToken)
	plainExtensions   = plainList(reExtension)
	plainExpectations = plainList(`(?i:100-continue)`)
)

func plainList(element string) *regexp.Regexp {
	element = `(` + element + reOWS + `)?`
	return regexp.MustCompile(`^` + reOWS + element + `(,` + reOWS + element + `)*$`)
}
