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
	end   ending

	or            []outcome // what may come in place of that, each with an end of its own
	informational bool      // whatever comes is right, if no rule is broken
}

// outcome is one way in which an exchange may go.
type outcome struct {
	verdict Verdict
	events  []event
	match   func(events []event) bool // if set, what decides in place of events
	end     ending

	seen int // how many of the events that came are known to be events
}

// outcomes are all ways in which x may go, the best first.
func (x *exchange) outcomes() []outcome {
	all := []outcome{{verdict: OK, events: x.ok, end: x.end}}
	if x.lax != nil {
		all = append(all, outcome{verdict: NonStrict, events: x.lax, end: x.end})
	}
	return append(all, x.or...)
}

// possible reports whether what came may still become what o wants.
func (o *outcome) possible(events []event) bool {
	return o.match != nil || startsWith(o.events, events, &o.seen)
}

// reached reports whether what came is what o wants.
func (o *outcome) reached(events []event) bool {
	if o.match != nil {
		return o.match(events)
	}
	return startsWith(o.events, events, &o.seen) && len(events) == len(o.events)
}

// step is one thing that an exchange does.
type step func(ctx context.Context, s *Session)

// all sends frames in one piece.
func all(frames ...Frame) step { return chopped(0, frames...) }

// chopped sends frames in pieces of n bytes.
func chopped(n int, frames ...Frame) step {
	return func(_ context.Context, s *Session) { s.send(n, frames...) }
}

// inParts sends one frame in parts that end at the ends given, with silence between.
func inParts(f Frame, ends []int, between ...step) step {
	return func(ctx context.Context, s *Session) {
		bytes, h := s.encode(nil, f)
		s.log.add(Record{Dir: Sent, Header: h, Note: "in parts"}, f.Payload)
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
	byServer bool     // the server ends it first
	codes    []uint16 // what the server's Close frame may say, if it says anything
	clean    bool     // both Close frames are due
	anyhow   bool     // either way is right

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
	outcomes := x.outcomes()
	for _, step := range x.steps {
		s.drain()
		if s.end != nil || s.closeCame != nil || !x.informational && !anyPossible(outcomes, s.events) {
			break
		}
		step(ctx, s)
	}
	s.settle(ctx, &x, outcomes)
	late := ctx.Err() != nil
	s.shut()
	s.judge(&x, outcomes)
	if late {
		s.result.Verdict = Failed
		s.result.Came += "; the time for the case was over"
	}
}

func anyPossible(outcomes []outcome, events []event) bool {
	for i := range outcomes {
		if outcomes[i].possible(events) {
			return true
		}
	}
	return false
}

// settle waits for what is expected, ends the connection if that is the client's
// part, and waits for its end.
func (s *Session) settle(ctx context.Context, x *exchange, outcomes []outcome) {
	for s.end == nil {
		s.drain()
		switch {
		case s.end != nil:
		case s.closeCame != nil && !s.closeSent:
			s.send(0, s.answerClose())
		case s.closeSent:
		case !x.informational && !anyPossible(outcomes, s.events):
			s.log.note("this is not what is expected")
			s.send(0, closeFrame(1000, ""))
		case s.clientsTurn(outcomes):
			s.send(0, closeFrame(1000, ""))
		}
		s.leaveFirst()
		if s.end != nil || s.wait(ctx, s.patience) {
			continue
		}
		if s.end != nil {
			break
		}
		s.log.note("the %s has done nothing for %v", s.other(), s.patience)
		if s.closeSent || ctx.Err() != nil {
			s.gaveUp = true
			return
		}
		s.send(0, closeFrame(1000, ""))
	}
	if s.fault() != "" && !s.closeSent {
		s.send(0, closeFrame(1002, ""))
	}
}

// clientsTurn reports whether all that an outcome wants has come, and it is for the
// client to end the connection.
func (s *Session) clientsTurn(outcomes []outcome) bool {
	for i := range outcomes {
		if o := &outcomes[i]; !o.end.byServer && o.reached(s.events) {
			return true
		}
	}
	return false
}

// fault is the rule that the server has broken, or "".
func (s *Session) fault() fault {
	var f fault
	if errors.As(s.end, &f) && !errors.Is(s.end, errEnded) {
		return f
	}
	return ""
}

// answerClose is the frame that answers the server's Close: RFC 6455 5.5.1.
func (s *Session) answerClose() Frame {
	if s.closeCame.code == 0 {
		return Frame{Opcode: opClose}
	}
	return closeFrame(s.closeCame.code, "")
}

// judge sets the result: that of the outcome that came, of two the one whose end came
// too. If none did, it is FAILED, and the end is held against the first one's.
func (s *Session) judge(x *exchange, outcomes []outcome) {
	r := &s.result
	want := &outcomes[0]
	r.Verdict = Failed
	for i := range outcomes {
		o := &outcomes[i]
		if !o.reached(s.events) {
			continue
		}
		if r.Verdict == Failed || want.end.byServer != s.serverFirst && o.end.byServer == s.serverFirst {
			r.Verdict, want = o.verdict, o
		}
	}
	r.Came = tell(s.events)
	r.Closing, r.Ended = s.ended(want.end)
	switch wrongEnd := s.serverFirst != want.end.byServer; {
	case x.informational:
		r.Verdict, r.Closing = Informational, ClosingInformational
	case r.Closing == ClosingWrongCode && want.end.fatalCode, wrongEnd && want.end.fatalEnd:
		r.Verdict = Failed
	}
	if f := s.fault(); f != "" {
		if !x.informational {
			r.Verdict = Failed
		}
		r.Came += "; " + string(f)
	}
}

// ended holds the connection's end against how it should be.
func (s *Session) ended(want ending) (Closing, string) {
	story := s.story()
	clean := s.closeSent && s.closeCame != nil
	switch {
	case want.anyhow:
		return ClosingInformational, story
	case s.serverFirst && !want.byServer:
		return ClosingFailed, story + "; it was the " + s.self() + "'s turn to end it"
	case !s.serverFirst && want.byServer:
		return ClosingFailed, story + "; the " + s.other() + " should have ended it"
	case want.clean && !clean:
		return ClosingUnclean, story + "; both Close frames are due"
	case s.closeCame != nil && s.closeCame.code != 0 && !slices.Contains(want.codes, s.closeCame.code):
		return ClosingWrongCode, story + fmt.Sprintf("; the code should be one of %d, or none", want.codes)
	case s.gaveUp && s.taken == nil:
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
		story = "the " + s.other() + " sent " + theirs
	case s.closeCame != nil:
		story = "the " + s.self() + " sent " + ours + ", the " + s.other() + " " + theirs
	case s.closeSent:
		story = "the " + s.self() + " sent " + ours + ", the " + s.other() + " none"
	default:
		story = "no Close frame"
	}
	switch {
	case s.gaveUp:
		return story + "; TCP left open by the " + s.other()
	case s.end != nil && !errors.Is(s.end, net.ErrClosed):
		if s.fault() != "" {
			return story + "; ended for a broken rule"
		}
		return story + "; " + s.end.Error()
	}
	return story
}

// untilPatience gives the server its chance to fail the connection: as long as the session's patience, since a
// strict server is not waited for.
func untilPatience(name string) step {
	return func(ctx context.Context, s *Session) { quietFor(s.patience, name)(ctx, s) }
}
