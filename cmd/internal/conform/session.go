package conform

import (
	"cmp"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"net"
	"net/url"
	"time"
)

// Session is one case being played: the connection, what came over it and the
// wire log. It belongs to the goroutine that runs the case.
type Session struct {
	// Set by the runner.
	url      *url.URL
	dialer   *dialer
	patience time.Duration // how long a server may do nothing
	chop     int           // bytes in one write; 0: as the case says
	messages int           // in a volley
	keys     *rand.Rand    // of masking keys; for a case the same in every run
	log      wireLog
	result   Result

	// The connection that a client has opened, where clients are tested: then this side is
	// the server, and what is said of a server below is said of the client.
	taken *taken

	// Of the connection, once there is one.
	conn   net.Conn
	in     *inbox
	agreed []string // the answer's Sec-WebSocket-Extensions lines
	server string   // the answer's Server field

	// What has happened.
	events []event
	closure
}

// closure is how a session has ended so far.
type closure struct {
	closeSent   bool
	sentCode    uint16   // of the first Close frame sent; 0: none
	closeCame   *closing // the server's Close frame
	serverFirst bool     // it came before one was sent, or TCP ended before either
	end         error    // why nothing more will come; nil: something may
	left        bool     // this side is the server and has ended its direction of TCP
	gaveUp      bool     // this side ended TCP, tired of waiting
}

func newSession(id string, r *Runner, u *url.URL) *Session {
	h := fnv.New64a()
	h.Write([]byte(id))
	patience := r.Patience
	if patience == 0 {
		patience = DefaultPatience
	}
	return &Session{
		url: u, dialer: &dialer{tls: r.TLS}, patience: patience, messages: cmp.Or(r.Messages, DefaultMessages),
		keys: rand.New(rand.NewPCG(h.Sum64(), 6455)),
		log:  wireLog{began: time.Now()},
	}
}

// opening is what a handshake offers.
type opening struct {
	extensions []string // values of Sec-WebSocket-Extensions lines
	protocols  []string // of Sec-WebSocket-Protocol

	// agree looks at the answer's Sec-WebSocket-Extensions lines, of which there is
	// at least one. It returns what undoes RSV1 from the first frame on. nil: nothing
	// may be agreed to.
	agree func(extensions []string) (decoder, error)

	// accept is what agree is where this side is the server: it looks at the offers, and
	// returns an answer, or "". nil: none is accepted.
	accept func(extensions []string) (answer string, d decoder)
}

// open connects and completes the opening handshake. If that fails it judges the
// case FAILED and returns false.
func (s *Session) open(ctx context.Context, o opening) bool {
	var err error
	if s.taken != nil {
		err = s.accept(ctx, o)
	} else if err = s.dial(ctx); err == nil {
		err = s.handshake(o)
	}
	if err != nil {
		s.fail("no opening handshake: %v", err)
	}
	return err == nil
}

// dial connects to the server without sending anything.
func (s *Session) dial(ctx context.Context) error {
	conn, err := s.dialer.dial(ctx, s.url)
	if err != nil {
		return fmt.Errorf("connecting: %w", err)
	}
	s.conn = conn
	s.in = newInbox(conn, &s.log)
	context.AfterFunc(ctx, func() { conn.Close() })
	return nil
}

// handshake sends a request and has the inbox read what comes behind the answer.
func (s *Session) handshake(o opening) error {
	r := newRequest(s.url, o)
	answer, rest, err := s.ask(r.String())
	if err != nil {
		return err
	}
	if err := answer.switches(r.key, o.protocols); err != nil {
		return err
	}
	return s.opened(answer, rest, o)
}

// opened goes on after an answer that opens the connection, and rest behind it.
func (s *Session) opened(answer *response, rest []byte, o opening) error {
	s.server = first(answer.values("Server"))
	if s.agreed = answer.values("Sec-WebSocket-Extensions"); len(s.agreed) > 0 {
		if o.agree == nil {
			return faultf("the extensions %q, of which none was offered (RFC 6455 9.1)", s.agreed)
		}
		d, err := o.agree(s.agreed)
		if err != nil {
			return err
		}
		s.in.reader.decoder = d
	}
	go s.in.run(rest)
	return nil
}

func first(values []string) string {
	if len(values) == 0 {
		return ""
	}
	return values[0]
}

// ask sends bytes that should be a request and reads an answer's head. rest is what
// came behind it.
func (s *Session) ask(request string) (answer *response, rest []byte, err error) {
	s.log.add(Record{Dir: Sent, Note: "HTTP request"}, []byte(request))
	if err := s.write([]byte(request), 0); err != nil {
		s.log.note("sending failed: %v", err) // an answer may have come all the same
	}
	return s.answer()
}

// answer reads an answer's head.
func (s *Session) answer() (answer *response, rest []byte, err error) {
	var got []byte
	buf := make([]byte, 4<<10)
	for {
		_ = s.conn.SetReadDeadline(time.Now().Add(s.patience))
		n, err := s.conn.Read(buf)
		got = append(got, buf[:n]...)
		answer, used, fault := parseResponse(got)
		if fault != nil {
			s.log.add(Record{Dir: Received, Note: "no HTTP answer"}, got)
			return nil, nil, fault
		}
		if used > 0 {
			s.log.add(Record{Dir: Received, Note: "HTTP answer"}, got[:used])
			return answer, got[used:], s.conn.SetReadDeadline(time.Time{})
		}
		if err != nil {
			if len(got) > 0 {
				s.log.add(Record{Dir: Received, Note: "part of an HTTP answer"}, got)
			}
			s.log.note("no answer: %v", err)
			return nil, nil, fmt.Errorf("no answer: %w", err)
		}
	}
}

// write sends bytes in pieces of chop, or of the session's own if that is set. Zero
// is all at once.
func (s *Session) write(b []byte, chop int) error {
	if s.chop != 0 {
		chop = s.chop
	}
	if chop == 0 {
		chop = 256 << 10 // after which the deadline is moved
	}
	for len(b) > 0 {
		n := min(chop, len(b))
		if s.in.quiet() > s.patience/4 || chop > 1<<10 {
			_ = s.conn.SetWriteDeadline(time.Now().Add(s.patience))
		}
		if _, err := s.conn.Write(b[:n]); err != nil {
			return err
		}
		s.in.touch()
		b = b[n:]
	}
	return nil
}

// send sends frames in pieces of chop bytes: 0 is all in one, eachFrame one by one.
func (s *Session) send(chop int, frames ...Frame) {
	var all []byte
	for _, f := range frames {
		from := len(all)
		var header *Header
		all, header = s.encode(all, f)
		s.log.add(Record{Dir: Sent, Header: header}, f.Payload)
		if f.Opcode == opClose && f.RSV == 0 && !f.Unmasked {
			s.closing(f.Payload)
		}
		if chop == eachFrame {
			s.sendBytes(all[from:], 0)
		}
	}
	if chop != eachFrame {
		s.sendBytes(all, chop)
	}
}

// eachFrame has each frame sent in a piece of its own.
const eachFrame = -1

// encode appends f to dst, masked or not as this side has to.
func (s *Session) encode(dst []byte, f Frame) ([]byte, *Header) {
	if s.taken != nil {
		f.Unmasked = !f.Unmasked
	}
	key := keyOf(f, s.keys)
	return f.append(dst, key), f.header(key)
}

// keyOf is the masking key of f: its own, or else one of keys.
func keyOf(f Frame, keys *rand.Rand) [4]byte {
	if f.Key != nil {
		return *f.Key
	}
	var key [4]byte
	binary.NativeEndian.PutUint32(key[:], keys.Uint32())
	return key
}

// closing notes that a Close frame is about to be sent.
func (s *Session) closing(payload []byte) {
	s.drain()
	if !s.closeSent && len(payload) >= 2 {
		s.sentCode = binary.BigEndian.Uint16(payload)
	}
	s.closeSent = true
}

// sendBytes sends bytes. That it fails is no event: the server has ended the
// connection, which reading tells too.
func (s *Session) sendBytes(b []byte, chop int) {
	if err := s.write(b, chop); err != nil {
		s.log.note("sending failed: %v", err)
	}
}

// drain takes what has come into the session's account.
func (s *Session) drain() {
	for _, v := range s.in.drain() {
		switch v := v.(type) {
		case event:
			s.events = append(s.events, v)
		case *closing:
			s.closeCame = v
			s.serverFirst = !s.closeSent
		case error:
			s.end = v
			switch {
			case errors.Is(v, net.ErrClosed):
				s.gaveUp = true
			case s.closeCame == nil && !s.closeSent:
				s.serverFirst = s.fault() == "" // else it is for the client to end the connection
			}
		}
	}
}

// wait waits until something has come and takes it into account. It returns false
// if nothing has, for as long as the session's patience or until ctx is over.
func (s *Session) wait(ctx context.Context, patience time.Duration) bool {
	if s.end != nil {
		return false
	}
	for {
		left := patience - s.in.quiet()
		if left <= 0 || ctx.Err() != nil {
			return false
		}
		timer := time.NewTimer(left)
		select {
		case <-s.in.signal:
		case <-timer.C:
		case <-ctx.Done():
		}
		timer.Stop()
		before := len(s.events)
		s.drain()
		if len(s.events) > before || s.closeCame != nil || s.end != nil {
			return true
		}
	}
}

// shut ends the connection, if there is one, and the inbox with it.
func (s *Session) shut() {
	if s.conn != nil {
		s.conn.Close()
	}
}

// fail judges the case FAILED.
func (s *Session) fail(format string, args ...any) {
	s.result.Verdict = Failed
	s.result.Came = fmt.Sprintf(format, args...)
	if s.result.Ended == "" {
		s.result.Closing, s.result.Ended = ClosingFailed, "the connection was never opened"
	}
	s.log.note("%s", s.result.Came)
}
