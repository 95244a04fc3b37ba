package session

import (
	stdcontext "context"
	"errors"
	"io"
	"testing"

	"github.com/framerail/framerail/frame"
)

// A connection's context ends with it, before the Close callback runs, and says why.
func TestContext_EndsWithTheConnection(t *testing.T) {
	for name, test := range map[string]struct {
		end   func(*rig)
		cause error
	}{
		"peer's Close":   {func(r *rig) { r.receive(peerClose(frame.NormalClosure, "")) }, ErrClosed},
		"end of stream":  {func(r *rig) { r.end(io.EOF) }, ErrUnexpectedEOF},
		"cut":            {func(r *rig) { r.d.Abort(nil) }, ErrAborted},
		"protocol fault": {func(r *rig) { r.receive([]byte{0xFF, 0xFF}); r.end(io.EOF) }, errReservedBits},
	} {
		t.Run(name, func(t *testing.T) {
			both(t, func(t *testing.T, dispatch Dispatch) {
				var before bool
				cfg := Config{Dispatch: dispatch}
				cfg.Handlers.Close = func(c *Conn, info CloseInfo) {
					before = c.Context().Err() != nil
					if info.Err != nil && causeOfContext(c) != info.Err {
						t.Errorf("the cause is %v, the close callback was told %v", causeOfContext(c), info.Err)
					}
				}
				r := openRig(t, cfg)
				ctx := r.c.Context()
				if ctx != r.c.Context() {
					t.Error("another context at the second call")
				}
				if ctx.Err() != nil {
					t.Fatal("it has ended before the connection")
				}
				test.end(r)
				r.info()
				if ctx.Err() != stdcontext.Canceled || !before {
					t.Errorf("after the connection %v; ended before the close callback: %v", ctx.Err(), before)
				}
				if cause := stdcontext.Cause(ctx); !errors.Is(cause, test.cause) {
					t.Errorf("the cause is %v, want %v", cause, test.cause)
				}
			})
		})
	}
}

func causeOfContext(c *Conn) error { return stdcontext.Cause(c.Context()) }

// Asked for after the end, it has ended; never asked for, there is none.
func TestContext_OfAClosedConnection(t *testing.T) {
	r := openRig(t, Config{})
	r.end(io.EOF)
	r.info()
	if r.c.extras != nil {
		t.Error("something is kept that nobody asked for")
	}
	if err := causeOfContext(r.c); !errors.Is(err, ErrUnexpectedEOF) {
		t.Errorf("the cause is %v", err)
	}
}

// What is asked for in the Open callback stays the same when that has returned.
func TestContext_OfTheOpenCallbackStays(t *testing.T) {
	both(t, func(t *testing.T, dispatch Dispatch) {
		var first stdcontext.Context
		cfg := Config{Dispatch: dispatch}
		cfg.Handlers.Open = func(c *Conn) { first = c.Context() }
		r := openRig(t, cfg)
		if r.c.Context() != first {
			t.Error("another context after the Open callback")
		}
		r.d.Abort(nil)
		r.info()
		if first.Err() == nil {
			t.Error("it has not ended")
		}
	})
}

// What the opening handshake has found out is the connection's value from the Open callback on.
func TestValue_OfTheHandshake(t *testing.T) {
	both(t, func(t *testing.T, dispatch Dispatch) {
		var seen any
		cfg := Config{Dispatch: dispatch}
		cfg.Handlers.Open = func(c *Conn) { seen = c.Value() }
		r := newRig(t, cfg)
		r.d.Open(Opening{Value: "ann"})
		r.eventually("the Open callback's end", func() bool { return !r.c.held() && r.read })
		if seen != "ann" || r.c.Value() != "ann" {
			t.Errorf("in Open %v, later %v", seen, r.c.Value())
		}
		r.c.SetValue(1)
		expect(t, "the value set later", r.c.Value(), any(1))
	})
}
