package conform

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
)

// sampleKey is the key of RFC 6455 1.3's example.
const sampleKey = "dGhlIHNhbXBsZSBub25jZQ=="

// demand is what should become of a request.
type demand uint8

const (
	accepted   demand = iota // 101, and the connection works
	refused                  // an error status
	notOpened                // any status but 101: as HTTP it is right
	undecided                // either: 101 and the connection works, or an error status
	better                   // an error status; 101 is NonStrict if the connection works
	early                    // 101 and a message back; anything else is NonStrict
	oldVersion               // 426 that names version 13
)

// asked is a case with a request of its own.
type asked struct {
	title  string
	start  string              // the request line; "": GET and the URL's path
	lines  func([]line) []line // what makes the header other than it should be
	behind []Frame             // in the same piece as the request
	raw    func(string) string // what makes the bytes other than they should be
	demand demand
	why    string
	offer  opening
}

// line is a header line to send.
type line struct{ name, value string }

// baseLines are those of a handshake: RFC 6455 4.1.
func baseLines(host string) []line {
	return []line{
		{"Host", host}, {"Upgrade", "websocket"}, {"Connection", "Upgrade"},
		{"Sec-WebSocket-Key", sampleKey}, {"Sec-WebSocket-Version", "13"},
	}
}

// with adds lines.
func with(more ...string) func([]line) []line {
	return func(lines []line) []line {
		for _, m := range more {
			name, value, _ := strings.Cut(m, ": ")
			lines = append(lines, line{name, value})
		}
		return lines
	}
}

// withLong adds a line with a value of n bytes, which are made when they are sent: programs that
// play no cases have none of them in memory.
func withLong(name string, n int) func([]line) []line {
	return func(lines []line) []line { return append(lines, line{name, strings.Repeat("a", n)}) }
}

// without leaves a line out.
func without(name string) func([]line) []line {
	return func(lines []line) []line {
		var rest []line
		for _, l := range lines {
			if l.name != name {
				rest = append(rest, l)
			}
		}
		return rest
	}
}

// instead replaces a line's value.
func instead(name, value string) func([]line) []line {
	return func(lines []line) []line {
		for i := range lines {
			if lines[i].name == name {
				lines[i].value = value
			}
		}
		return lines
	}
}

// handshakes are the cases of the opening handshake: RFC 6455 4.2.1, and what RFC 9112
// says of requests that two readers could read differently.
func handshakes() []Case {
	g := group{title: "Opening handshake"}
	for _, a := range askedCases {
		c := g.add(g.next("handshake"), a.title, "A handshake: "+lower(a.title)+".", a.expected(), exchange{})
		c.Run = func(ctx context.Context, s *Session) { s.askFor(ctx, a) }
	}
	return g.cases
}

func lower(s string) string {
	if len(s) > 1 && s[1] >= 'a' && s[1] <= 'z' {
		return strings.ToLower(s[:1]) + s[1:]
	}
	return s
}

func (a asked) expected() string {
	var what string
	switch a.demand {
	case accepted:
		what = "101, and a message comes back."
	case refused:
		what = "An error status, such as 400. To end TCP without one is NON-STRICT."
	case notOpened:
		what = "Any answer but 101."
	case undecided:
		what = "101, and a message comes back; or an error status."
	case better:
		what = "An error status. 101 is NON-STRICT, if a message comes back."
	case early:
		what = "101, and the message comes back. Anything else is NON-STRICT."
	case oldVersion:
		what = "426 with Sec-WebSocket-Version: 13. Another error status is NON-STRICT."
	}
	if a.why != "" {
		what += " (" + a.why + ".)"
	}
	return what
}

// request is the case's request for s's server.
func (a asked) request(s *Session) string {
	lines := baseLines(s.url.Host)
	if a.lines != nil {
		lines = a.lines(lines)
	}
	start := a.start
	if start == "" {
		start = "GET {path} HTTP/1.1"
	}
	all := strings.NewReplacer("{path}", s.url.RequestURI(), "{host}", s.url.Host).Replace(start) + "\r\n"
	for _, l := range lines {
		all += l.name + ": " + l.value + "\r\n"
	}
	all += "\r\n"
	if a.raw != nil {
		all = a.raw(all)
	}
	return all
}

// askFor plays a and judges what came.
func (s *Session) askFor(ctx context.Context, a asked) {
	if err := s.dial(ctx); err != nil {
		s.fail("%v", err)
		return
	}
	request := a.request(s)
	for _, f := range a.behind {
		request = string(f.append([]byte(request), keyOf(f, s.keys)))
	}
	answer, rest, err := s.ask(request)
	if err != nil {
		s.unanswered(a, err)
		return
	}
	if answer.status == 101 {
		s.switched(ctx, a, answer, rest)
		if a.demand == early && s.result.Verdict == Failed || a.demand == better && s.result.Verdict == OK {
			s.result.Verdict = NonStrict
		}
		return
	}
	r := &s.result
	r.Came = strings.TrimSpace(fmt.Sprintf("%d %s", answer.status, clip(answer.reason)))
	r.Closing, r.Ended = ClosingOK, "no WebSocket connection was opened"
	switch isError := answer.status >= 400; {
	case a.demand == accepted:
		r.Verdict = Failed
	case a.demand == notOpened:
		r.Verdict = OK
	case a.demand == early:
		r.Verdict = NonStrict
	case a.demand == oldVersion && isError:
		r.Verdict = NonStrict
		if answer.status == 426 && strings.Join(answer.values("Sec-WebSocket-Version"), ", ") == "13" {
			r.Verdict = OK
		}
	case isError:
		r.Verdict = OK
	default:
		r.Verdict = NonStrict
	}
}

// unanswered judges that no answer came.
func (s *Session) unanswered(a asked, err error) {
	s.result.Closing, s.result.Ended = ClosingOK, "no WebSocket connection was opened"
	s.fail("%v", err)
	var wait net.Error
	silent := errors.As(err, &wait) && wait.Timeout()
	var f fault
	if a.demand != accepted && !silent && !errors.As(err, &f) && !errors.Is(err, io.ErrUnexpectedEOF) {
		s.result.Verdict = NonStrict
	}
}

// switched goes on after a 101.
func (s *Session) switched(ctx context.Context, a asked, answer *response, rest []byte) {
	switch a.demand {
	case refused, notOpened, oldVersion:
		s.result.Closing, s.result.Ended = ClosingInformational, "the connection was opened"
		s.fail("101 %s", clip(answer.reason))
		return
	}
	err := answer.switches(sampleKey, a.offer.protocols)
	if err == nil {
		err = s.opened(answer, rest, a.offer)
	}
	if err != nil {
		s.fail("%v", err)
		return
	}
	x := exchange{steps: []step{all(text(hello))}, ok: []event{textEvent(hello)}, end: normal}
	if a.behind != nil {
		x.steps = nil // it is sent already
	}
	if s.converse(ctx, x); a.demand == early && s.result.Closing != ClosingOK {
		s.result.Closing = ClosingInformational
	}
}
