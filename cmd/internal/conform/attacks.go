package conform

import (
	"context"
	"crypto/tls"
	"fmt"
	"math/rand/v2"
	"net"
	"slices"
	"strings"
	"time"
)

// attacks are cases after what has brought other servers down. Each ends with a
// message over another connection, which has to come back.
func attacks() []Case {
	g := group{title: "Attacks"}
	g.claims()
	g.floods()
	g.strangeBytes()
	g.vanishing()
	g.unread()
	for i := range g.cases {
		run := g.cases[i].Run
		g.cases[i].Timeout = time.Minute
		g.cases[i].Expected += " Other connections are served."
		g.cases[i].Run = func(ctx context.Context, s *Session) {
			run(ctx, s)
			if err := s.echoElsewhere(ctx); err != nil {
				s.result.Verdict = Failed
				s.result.Came += fmt.Sprintf("; then, over another connection: %v", err)
			}
		}
	}
	return g.cases
}

// givenUp is the end of a connection that a server has had enough of.
var givenUp = ending{byServer: true, codes: []uint16{1002, 1008, 1009, 1011, 1013}}

// claims adds headers that claim more than there is.
func (g *group) claims() {
	const refused = "The server fails the connection with 1009, 1008 or 1002, or ends TCP."
	tooLong := ending{byServer: true, codes: []uint16{1002, 1008, 1009}}
	begun := binaryFrame([]byte("0123456789")).more()
	for _, c := range []struct {
		title string
		claim uint64
		first []Frame
	}{
		{"A length of 2^63-1", 1<<63 - 1, nil},
		{"A length of 2^62", 1 << 62, nil},
		{"A length of 2^32 and 5", 1<<32 + 5, nil},
		{"Fragments that sum up to more than 2^63-1", 1<<63 - 1, []Frame{begun}},
		{"Fragments that sum up to 2^63", 1<<63 - 10, []Frame{begun}},
	} {
		f := Frame{Opcode: opBinary, Payload: []byte(hello[:5]), Claim: c.claim, Form: form64}
		if c.first != nil {
			f.Opcode = opContinuation
		}
		g.add(g.next("attack"), c.title, fmt.Sprintf("A frame that claims %d bytes, of which 5 come.", c.claim),
			refused+" To wait for the rest is NON-STRICT.", exchange{
				steps: []step{all(append(c.first, f)...), untilPatience("for the rest")},
				end:   tooLong,
				or:    []outcome{{verdict: NonStrict, events: []event{silenceEvent("for the rest")}, end: ending{anyhow: true}}},
			})
	}
	for _, c := range []struct {
		title string
		claim uint64
	}{{"A length of 2^63", 1 << 63}, {"A length of 2^64-1", 1<<64 - 1}} {
		f := Frame{Opcode: opBinary, Payload: []byte(hello[:5]), Claim: c.claim, Form: form64}
		g.add(g.next("attack"), c.title, fmt.Sprintf("A frame that claims %d bytes: the first of the 64 bits must be 0 (RFC 6455 5.2).", c.claim),
			refused, exchange{steps: []step{all(f)}, end: tooLong})
	}
}

const (
	manyFragments = 100_000
	manyControls  = 500
)

// floods adds what is right once and too much in numbers. The server may have enough.
func (g *group) floods() {
	enough := []outcome{{verdict: OK, end: givenUp}}
	for _, payload := range []string{"", "x"} {
		what := fmt.Sprintf("%d fragments of %s", manyFragments, counted(len(payload), "byte"))
		c := g.add(g.next("attack"), what, "A text message of "+what+".",
			"The message comes back, or the server fails the connection.", exchange{})
		c.Serial = true
		c.Run = func(ctx context.Context, s *Session) {
			frames := slices.Repeat([]Frame{continuation(payload).more()}, manyFragments)
			frames[0].Opcode = opText
			s.play(ctx, exchange{
				steps: []step{all(append(frames, continuation("done"))...)},
				ok:    []event{textEvent(strings.Repeat(payload, manyFragments) + "done")}, end: normal, or: enough,
			})
		}
	}
	var pings, pongs []Frame
	for i := range manyControls {
		pings = append(pings, ping(fmt.Sprintf("ping %d", i)))
		pongs = append(pongs, pong(fmt.Sprintf("pong %d", i)))
	}
	g.add(g.next("attack"), fmt.Sprintf("%d pongs", manyControls), fmt.Sprintf("%d pongs nobody asked for, then a text message.", manyControls),
		"The message comes back and nothing else, or the server fails the connection.", exchange{
			steps: []step{all(append(pongs, text(hello))...)},
			ok:    []event{textEvent(hello)}, end: normal, or: enough,
		})
	g.add(g.next("attack"), fmt.Sprintf("%d pings", manyControls), fmt.Sprintf("%d pings at once.", manyControls),
		"Pongs in the order of the pings, the last ping's among them (RFC 6455 5.5.3), or the server fails the connection.", exchange{
			steps: []step{all(pings...)},
			end:   givenUp,
			or:    []outcome{{verdict: OK, match: pongsInOrder, end: normal}, {verdict: OK, match: pongsSoFar, end: givenUp}},
		})
}

// pongsInOrder reports whether events are pongs for pings of floods, the last one's too.
func pongsInOrder(events []event) bool {
	return pongsSoFar(events) && len(events) > 0 &&
		string(events[len(events)-1].payload) == fmt.Sprintf("ping %d", manyControls-1)
}

// pongsSoFar is pongsInOrder without the last.
func pongsSoFar(events []event) bool {
	before := -1
	for _, e := range events {
		n := 0
		if _, err := fmt.Sscanf(string(e.payload), "ping %d", &n); err != nil || e.kind != gotPong || n <= before {
			return false
		}
		before = n
	}
	return true
}

// strangeBytes adds what is no WebSocket at all.
func (g *group) strangeBytes() {
	const refused = "The server fails the connection with 1002, or ends TCP. It does not answer what it takes for another protocol."
	for _, c := range []struct{ title, bytes string }{
		{"A second request", "GET /second HTTP/1.1\r\nHost: localhost\r\n\r\n"},
		{"The beginning of TLS", "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + hello + hello},
		{"The preface of HTTP/2", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"},
		{"Zeros", string(make([]byte, 1000))},
		{"Ones", "\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff"},
	} {
		g.add(g.next("attack"), c.title+" behind the handshake", c.title+" where frames are due.", refused, exchange{
			steps: []step{rawBytes(c.bytes)},
			end:   ending{byServer: true, codes: []uint16{1002, 1009}},
		})
	}
}

// rawBytes sends bytes that are no frame.
func rawBytes(b string) step {
	return func(_ context.Context, s *Session) {
		s.log.add(Record{Dir: Sent, Note: "no frame"}, []byte(b))
		s.sendBytes([]byte(b), 0)
	}
}

// vanishing adds clients that go away in the midst of something.
func (g *group) vanishing() {
	whole := func(f Frame) string { return string(f.append(nil, [4]byte{1, 2, 3, 4})) }
	for _, c := range []struct{ title, bytes string }{
		{"half a header", "\x82"},
		{"half a frame", whole(binaryFrame(pattern(1000, false)))[:500]},
		{"half a message", whole(text("fragment1").more())},
		{"a message whose echo nobody will read", whole(binaryFrame(pattern(1<<20, false)))},
	} {
		for _, reset := range []bool{false, true} {
			how := "ends TCP"
			if reset {
				how = "resets TCP"
			}
			added := g.add(g.next("attack"), "A client "+how+" behind "+c.title, "A client sends "+c.title+" and "+how+".",
				"Nothing.", exchange{})
			added.Run = func(ctx context.Context, s *Session) {
				if !s.open(ctx, opening{}) {
					return
				}
				rawBytes(c.bytes)(ctx, s)
				s.vanish(reset)
				s.result.Verdict, s.result.Closing = OK, ClosingOK
				s.result.Came, s.result.Ended = "nothing", "the client "+how
			}
		}
	}
}

// vanish ends TCP, and nothing above it.
func (s *Session) vanish(reset bool) {
	conn := s.conn
	if secure, ok := conn.(*tls.Conn); ok {
		conn = secure.NetConn()
	}
	if tcp, ok := conn.(*net.TCPConn); ok && reset {
		_ = tcp.SetLinger(0)
	}
	conn.Close()
}

// unread adds a client that sends and does not read.
func (g *group) unread() {
	const length, count = 64 << 10, 256
	c := g.add(g.next("attack"), "A client that does not read", fmt.Sprintf("%d messages of %s; nothing is read until all are sent, or no more can be.", count, size(length)),
		"Every message comes back, late, or the server fails the connection.", exchange{})
	c.Serial = true
	c.Run = func(ctx context.Context, s *Session) {
		payload := pattern(length, false)
		var frames []Frame
		x := exchange{end: normal, or: []outcome{{verdict: OK, match: startOf(binaryEvent(payload)), end: givenUp}}}
		for range count {
			frames = append(frames, binaryFrame(payload))
			x.ok = append(x.ok, binaryEvent(payload))
		}
		x.steps = []step{func(ctx context.Context, s *Session) {
			s.in.gate.Lock()
			sent := make(chan struct{})
			go func() { s.send(0, frames...); close(sent) }()
			err := s.echoElsewhere(ctx)
			select {
			case <-sent:
			case <-time.After(pause):
			}
			s.in.gate.Unlock()
			<-sent
			if err != nil {
				s.log.note("meanwhile, over another connection: %v", err)
				s.events = append(s.events, silenceEvent("over another connection"))
			}
		}}
		s.play(ctx, x)
	}
}

// startOf returns whether events are all e.
func startOf(e event) func([]event) bool {
	return func(events []event) bool {
		for _, got := range events {
			if !got.equal(e) {
				return false
			}
		}
		return true
	}
}

// echoElsewhere opens another connection, sends a message over it and waits for it to
// come back.
func (s *Session) echoElsewhere(ctx context.Context) error {
	o := &Session{url: s.url, dialer: s.dialer, patience: s.patience, keys: rand.New(rand.NewPCG(1, 2)), log: wireLog{began: s.log.began}}
	defer o.shut()
	o.play(ctx, exchange{steps: []step{all(text(hello))}, ok: []event{textEvent(hello)}, end: normal})
	if o.result.Verdict == OK && (o.result.Closing == ClosingOK || o.result.Closing == ClosingByClient) {
		s.log.note("a message over another connection came back")
		return nil
	}
	return fmt.Errorf("%s; %s", o.result.Came, o.result.Ended)
}
