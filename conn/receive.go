package conn

import (
	"context"
	"errors"
	"io"
	"iter"

	"github.com/framerail/framerail/frame"
	"github.com/framerail/framerail/internal/session"
)

// Messages returns a loop over the messages that arrive, for programs that would rather read than be
// called:
//
//	for m, err := range c.Messages(ctx) {
//		if err != nil {
//			return err
//		}
//		c.SendMessage(m)
//	}
//
// The loop runs on the goroutine of the caller, and gets the messages in order. A payload is valid
// until the next round; copy to keep.
//
// The loop ends without an error when the connection has closed with 1000 (Normal Closure), 1001
// (Going Away) or no code. Any other end is the error of the last round: a [CloseInfo], as Receive
// returns it, or the error of ctx. A context that is done ends the loop, and the connection goes on.
//
// Calling Messages tells the connection to keep messages for the reader. On a server, call it, or
// Receive, before OnConnection returns. OnConnection may run the loop itself with [OnGoroutines] or
// [Adaptive], or start a goroutine with any Dispatch: go read(c, c.Messages(ctx)). From the
// first round on the other callbacks may run beside OnConnection, except the close callback, which
// waits until it has returned. A client reads whenever it likes.
//
// Reading takes the place of OnMessage and OnStream. With one of them set the error is
// [ErrNotReading]. On an event loop it is [ErrOnLoop].
//
// Up to QueueMessages and QueueBytes wait for the reader. Beyond that the socket is not read, and
// pings are not answered. A connection whose reader is gone holds no more than that. It closes when
// this side closes it, at most CloseTimeout after the peer's Close frame was read or, if the socket is
// not read, when a ping to a peer that is gone fails (PingInterval).
func (c *Conn) Messages(ctx context.Context) iter.Seq2[Message, error] {
	s := session.Incoming{Conn: (*session.Conn)(c)}
	err := s.Ask()
	return func(yield func(Message, error) bool) {
		if err != nil {
			yield(Message{}, err)
			return
		}
		defer s.WatchFor(ctx)()
		for {
			got, err := s.ReceiveWatched(ctx)
			m, err := received(c, got, err)
			if errors.Is(err, io.EOF) || !yield(m, err) || err != nil {
				return
			}
		}
	}
}

// Receive waits for the next message and returns it. Its payload is valid until the next call; copy
// to keep. Messages says when it may be called. Two calls must not run at the same time.
//
// When the connection is closed, the error is a [CloseInfo]. It matches io.EOF if the connection
// closed with 1000 (Normal Closure), 1001 (Going Away) or no code, and [ErrClosed] always. When ctx
// is done, the error is that of ctx, and the connection goes on.
func (c *Conn) Receive(ctx context.Context) (Message, error) {
	m, err := session.Incoming{Conn: (*session.Conn)(c)}.Receive(ctx)
	return received(c, m, err)
}

// received is what Receive returns.
func received(c *Conn, m session.Message, err error) (Message, error) {
	if err == session.ErrEnded {
		info, _ := c.CloseInfo()
		err = info
	}
	if err != nil {
		return Message{}, err
	}
	return Message{Type: MessageType(m.Type), Valid: m.Type == session.Text, Payload: m.Payload}, nil
}

// Error is String. A CloseInfo is the error of [Conn.Receive] on a connection that is closed:
//
//	if info := (conn.CloseInfo{}); errors.As(err, &info) && info.Received == 4001 { … }
func (i CloseInfo) Error() string { return i.String() }

// Unwrap has errors.Is find [ErrClosed], Err and, after a normal end, io.EOF.
func (i CloseInfo) Unwrap() []error {
	errs := []error{ErrClosed}
	if i.Err != nil {
		return append(errs, i.Err)
	}
	switch i.Received {
	case frame.NormalClosure, frame.GoingAway, frame.NoStatusReceived:
		errs = append(errs, io.EOF)
	}
	return errs
}
