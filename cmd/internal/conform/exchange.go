package conform

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"time"
)

// pause is how long a case keeps silent where it has to see that the server does
// nothing yet.
const pause = 500 * time.Millisecond

// exchange is a conversation as a table has it: what is sent, what may come, and how
// the connection should end.
type exchange struct {
	steps []step
	ok    []event // what has to come
	lax   []event // what may come too, for NonStrict; nil: nothing may

	// also, if set, looks at what came when it is neither ok nor lax.
	also func(events []event) Verdict

	end           ending
	informational bool // whatever comes is right, if no rule is broken

	okSeen, laxSeen int // how many events are known to be those of ok and of lax
}

// step is one thing that an exchange does.
type step func(ctx context.Context, s *Session)

// all sends frames in one piece.
func all(frames ...Frame) step { return chopped(0, frames...) }

// apart sends each frame in a piece of its own.
func apart(frames ...Frame) step { return chopped(eachFrame, frames...) }

// chopped sends frames in pieces of n bytes.
func chopped(n int, frames ...Frame) step {
	return func(_ context.Context, s *Session) { s.send(n, frames...) }
}

// inParts sends one frame in parts that end at the ends given, with silence between.
func inParts(f Frame, ends []int, between ...step) step {
	return func(ctx context.Context, s *Session) {
		key := s.key(f)
		bytes := f.append(nil, key)
		s.log.add(Record{Dir: Sent, Header: f.header(key), Note: "in parts"}, f.Payload)
		header := len(bytes) - len(f.Payload)
		from := 0
		for i, to := range append(ends[:len(ends):len(ends)], len(f.Payload)) {
			if s.drain(); s.end != nil || s.closeCame != nil {
				return
			}
			s.log.note("bytes of the frame up to %d of its payload", to)
			s.sendBytes(bytes[from:header+to], 0)
			if from = header + to; i < len(between) {
				between[i](ctx, s)
			}
		}
	}
}

// quietFor waits for d and counts it as an event if the server has not ended the
// connection by then.
func quietFor(d time.Duration, name string) step {
	return func(ctx context.Context, s *Session) {
		s.log.note("pause %s, at most %v", name, d)
		s.in.touch()
		for s.closeCame == nil && s.wait(ctx, d) {
		}
		if s.drain(); s.end == nil && s.closeCame == nil {
			s.events = append(s.events, silenceEvent(name))
		}
	}
}

// awaitEvents waits until n events have come, or the session's patience is over:
// then it counts as a silence.
func awaitEvents(n int, name string) step {
	return func(ctx context.Context, s *Session) {
		for len(s.events) < n && s.closeCame == nil {
			if s.wait(ctx, s.patience) {
				continue
			}
			if s.end == nil {
				s.events = append(s.events, silenceEvent(name))
			}
			return
		}
	}
}

// ending is how the connection should end.
type ending struct {
	byServer bool     // who ends it first
	codes    []uint16 // what the server's Close frame may say, if it says anything
	clean    bool     // both Close frames are due

	fatalEnd  bool // the wrong side ending it makes the case FAILED
	fatalCode bool // a wrong code does
}

// The endings that most cases have.
var (
	normal       = ending{codes: []uint16{1000}, clean: true}                    // the client ends it
	failed       = ending{byServer: true, codes: []uint16{1002}}                 // the server does: protocol error
	badText      = ending{byServer: true, codes: []uint16{1007}, fatalEnd: true} // text that is not UTF-8
	closedBack   = ending{codes: []uint16{1000}, clean: true, fatalCode: true}   // the client's Close is answered
	closeRefused = ending{codes: []uint16{1002}, fatalCode: true}                // it is wrong itself
)

// play connects, plays x and judges what came.
func (s *Session) play(ctx context.Context, x exchange) {
	if !s.open(ctx, opening{}) {
		return
	}
	s.converse(ctx, x)
}

// converse plays x over an open connection and judges what came.
func (s *Session) converse(ctx context.Context, x exchange) {
	for _, step := range x.steps {
		s.drain()
		if s.end != nil || s.closeCame != nil || !x.possible(s.events) {
			break
		}
		step(ctx, s)
	}
	s.settle(ctx, &x)
	s.shut()
	s.judge(x)
}

// possible reports whether what came may still become what is expected.
func (x *exchange) possible(events []event) bool {
	return x.informational || x.also != nil ||
		startsWith(x.ok, events, &x.okSeen) || x.lax != nil && startsWith(x.lax, events, &x.laxSeen)
}

// settle waits for what is expected, ends the connection if that is the client's
// part, and waits for its end.
func (s *Session) settle(ctx context.Context, x *exchange) {
	for s.end == nil {
		s.drain()
		switch {
		case s.end != nil:
		case s.closeCame != nil && !s.closeSent:
			s.send(0, s.answerClose())
		case s.closeSent:
		case !x.possible(s.events):
			s.log.note("this is not what is expected")
			s.send(0, closeFrame(1000, ""))
		case !x.end.byServer && (len(s.events) == len(x.ok) && x.okSeen == len(x.ok) || x.done(s.events)):
			s.send(0, closeFrame(1000, ""))
		}
		if s.end != nil || s.wait(ctx, s.patience) {
			continue
		}
		if s.end != nil {
			break
		}
		s.log.note("the server has done nothing for %v", s.patience)
		if s.closeSent || ctx.Err() != nil {
			s.gaveUp = true
			return
		}
		s.send(0, closeFrame(1000, ""))
	}
	var f fault
	if errors.As(s.end, &f) && !errors.Is(s.end, errEnded) && !s.closeSent {
		s.send(0, closeFrame(1002, ""))
	}
}

// done reports whether also is content with events.
func (x *exchange) done(events []event) bool {
	return x.also != nil && len(events) > 0 && x.also(events) == OK
}

// answerClose is the frame that answers the server's Close: RFC 6455 5.5.1.
func (s *Session) answerClose() Frame {
	if s.closeCame.code == 0 {
		return Frame{Opcode: opClose}
	}
	return closeFrame(s.closeCame.code, "")
}

// judge sets the result.
func (s *Session) judge(x exchange) {
	r := &s.result
	switch {
	case x.informational:
		r.Verdict = Informational
	case equalEvents(s.events, x.ok):
		r.Verdict = OK
	case x.lax != nil && equalEvents(s.events, x.lax):
		r.Verdict = NonStrict
	case x.also != nil:
		r.Verdict = x.also(s.events)
	default:
		r.Verdict = Failed
	}
	r.Came = tell(s.events)
	r.Closing, r.Ended = s.ended(x.end)
	switch wrongEnd := s.serverFirst != x.end.byServer; {
	case x.informational:
		r.Closing = ClosingInformational
	case r.Closing == ClosingWrongCode && x.end.fatalCode, wrongEnd && x.end.fatalEnd:
		r.Verdict = Failed
	}
	var f fault
	if errors.As(s.end, &f) && !errors.Is(s.end, errEnded) {
		r.Verdict = Failed
		r.Came += "; " + string(f)
	}
}

// ended holds the connection's end against how it should be.
func (s *Session) ended(want ending) (Closing, string) {
	story := s.story()
	clean := s.closeSent && s.closeCame != nil
	switch {
	case s.serverFirst && !want.byServer:
		return ClosingFailed, story + "; it was the client's turn to end it"
	case !s.serverFirst && want.byServer:
		return ClosingFailed, story + "; the server should have ended it"
	case want.clean && !clean:
		return ClosingUnclean, story + "; both Close frames are due"
	case s.closeCame != nil && s.closeCame.code != 0 && !slices.Contains(want.codes, s.closeCame.code):
		return ClosingWrongCode, story + fmt.Sprintf("; the code should be one of %d, or none", want.codes)
	case s.gaveUp:
		return ClosingByClient, story + "; it is for the server to end TCP (RFC 6455 7.1.1)"
	}
	return ClosingOK, story
}

// story tells how the connection ended.
func (s *Session) story() string {
	var story string
	ours, theirs := "Close without a code", "Close without a code"
	if s.sentCode != 0 {
		ours = fmt.Sprintf("Close %d", s.sentCode)
	}
	if s.closeCame != nil && s.closeCame.code != 0 {
		theirs = fmt.Sprintf("Close %d", s.closeCame.code)
		if s.closeCame.reason != "" {
			theirs += fmt.Sprintf(" %q", clip(s.closeCame.reason))
		}
	}
	switch {
	case s.closeCame != nil && s.serverFirst:
		story = "the server sent " + theirs
	case s.closeCame != nil:
		story = "the client sent " + ours + ", the server " + theirs
	case s.closeSent:
		story = "the client sent " + ours + ", the server none"
	default:
		story = "no Close frame"
	}
	switch {
	case s.gaveUp:
		return story + "; TCP left open by the server"
	case s.end != nil && !errors.Is(s.end, net.ErrClosed):
		var f fault
		if errors.As(s.end, &f) && !errors.Is(s.end, errEnded) {
			return story + "; ended for a broken rule"
		}
		return story + "; " + s.end.Error()
	}
	return story
}

// failFastPause gives the server its chance to fail the connection before the rest is
// sent: as long as the session's patience, since a strict server is not waited for.
func failFastPause(ctx context.Context, s *Session) { quietFor(s.patience, "B")(ctx, s) }
