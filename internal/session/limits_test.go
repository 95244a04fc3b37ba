package session

import (
	stdcontext "context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/framerail/framerail/frame"
)

// Limits that one connection has hold for it from the next message on, and for no other.
func TestLimits_OfOneConnection(t *testing.T) {
	both(t, func(t *testing.T, dispatch Dispatch) {
		r := openRig(t, Config{Dispatch: dispatch, MaxMessageSize: 100})
		if err := r.c.SetLimits(Limits{MaxMessageSize: 1000, MaxPending: 1 << 12, WriteTimeout: -1}); err != nil {
			t.Fatal(err)
		}
		got := r.c.Limits()
		expect(t, "message size", got.MaxMessageSize, 1000)
		expect(t, "pending", got.MaxPending, 1<<12)
		expect(t, "write timeout", got.WriteTimeout, -1)
		expect(t, "idle timeout, the server's", got.IdleTimeout, DefaultIdleTimeout)
		r.receive(text(strings.Repeat("x", 1000)))
		expect(t, "state after 1,000 bytes", r.c.State(), Open)
		expect(t, "too large to send", r.c.SendText(strings.Repeat("x", 1<<12)), ErrMessageTooLarge)

		if err := r.c.SetLimits(Limits{}); err != nil {
			t.Fatal(err)
		}
		expect(t, "message size again", r.c.Limits().MaxMessageSize, 100)
		r.receive(text(strings.Repeat("x", 101)))
		r.eventually("the end after 101 bytes", func() bool { return r.c.State() == Closing })
	})
}

// Before and after login: the message that logs in raises the limit for the one behind it, in
// the same packet; the message in progress keeps its own.
func TestLimits_OfTheNextMessage(t *testing.T) {
	var got []int
	cfg := Config{MaxMessageSize: 10}
	cfg.Handlers.Message = func(c *Conn, m Message) {
		got = append(got, len(m.Payload))
		limits := Limits{MaxMessageSize: 100}
		if m.String() == "logout" {
			limits = Limits{}
		}
		if err := c.SetLimits(limits); err != nil {
			t.Error(err)
		}
	}
	r := openRig(t, cfg)
	large := strings.Repeat("x", 50)
	r.receive(append(append(text("login"), text(large)...), text("logout")...))
	expect(t, "messages", len(got), 3)

	// Lowered in the middle of a message, they leave it alone.
	if err := r.c.SetLimits(Limits{MaxMessageSize: 100}); err != nil {
		t.Fatal(err)
	}
	r.receive(peer(frame.Text, false, large))
	if err := r.c.SetLimits(Limits{MaxFragments: 1}); err != nil {
		t.Fatal(err)
	}
	r.receive(peer(frame.Continuation, true, large[:49]))
	expect(t, "messages", len(got), 4)
	if err := r.c.SetLimits(Limits{}); err != nil {
		t.Fatal(err)
	}
	r.receive(text(large))
	expect(t, "state", r.c.State(), Closing)
}

// Two connections with the same limits share them; the last one that has them takes them along.
func TestLimits_AreShared(t *testing.T) {
	r := openRig(t, Config{})
	var other Driver
	other.Init(r.loop, r.policy, 8, &wire{room: -1}, peerAddr)
	upload := Limits{MaxMessageSize: 100 << 20}
	other.Open(Opening{Limits: upload})
	if err := r.c.SetLimits(upload); err != nil {
		t.Fatal(err)
	}
	if r.c.terms.Load() != other.terms.Load() {
		t.Error("two connections with the same limits have two copies")
	}
	r.c.OnPing(nil)
	if r.c.limits() != other.limits() {
		t.Error("callbacks of its own make a copy of the limits")
	}
	other.Abort(nil)
	expect(t, "limits kept", len(r.policy.sharing.of), 1)
	if err := r.c.SetLimits(Limits{}); err != nil {
		t.Fatal(err)
	}
	expect(t, "limits kept", len(r.policy.sharing.of), 0)
	expect(t, "message size", r.c.Limits().MaxMessageSize, DefaultMaxMessageSize)
	r.closed, r.ended, r.infos = 0, 0, nil // those were the other's
}

// The time that a peer may be silent begins anew when its limit changes, and holds at once.
func TestLimits_IdleTimeout(t *testing.T) {
	r := openRig(t, Config{IdleTimeout: idle})
	r.advance(idle - 1)
	if err := r.c.SetLimits(Limits{IdleTimeout: 4 * time.Second}); err != nil {
		t.Fatal(err)
	}
	r.turn()
	r.sent()
	r.advance(4*time.Second - time.Millisecond)
	expect(t, "state before", r.c.State(), Open)
	expect(t, "pings", r.pings(), 1)
	r.advance(time.Millisecond)
	expect(t, "error", r.info().Err, ErrIdle)
}

// A timer that is set for late is set anew when a timeout becomes short.
func TestLimits_WriteTimeout(t *testing.T) {
	r := openRig(t, Config{IdleTimeout: -1, WriteTimeout: time.Hour})
	r.drain(0)
	_ = r.c.SendText("nobody reads this")
	r.turn()
	if err := r.c.SetLimits(Limits{WriteTimeout: time.Second}); err != nil {
		t.Fatal(err)
	}
	r.turn()
	r.advance(time.Second)
	expect(t, "error", r.info().Err, ErrWriteStalled)
}

func TestLimits_CloseTimeout(t *testing.T) {
	r := openRig(t, Config{CloseTimeout: time.Hour})
	if err := r.c.SetLimits(Limits{CloseTimeout: time.Second}); err != nil {
		t.Fatal(err)
	}
	_ = r.c.Close(frame.NormalClosure, "")
	r.turn()
	r.advance(time.Second)
	expect(t, "error", r.info().Err, ErrCloseTimeout)
	expect(t, "on a closed connection", r.c.SetLimits(Limits{}), ErrClosed)
}

// A callback that answers what came before the peer's Close may change how long it has.
func TestLimits_CloseTimeoutWhileCallbacksAnswer(t *testing.T) {
	for _, timeout := range []time.Duration{time.Second, time.Hour, 100 * 24 * time.Hour} {
		set, gate := make(chan bool), make(chan bool)
		r := openRig(t, Config{CloseTimeout: time.Minute, Dispatch: OnGoroutines, Handlers: Handlers{Message: func(c *Conn, _ Message) {
			<-gate
			if err := c.SetLimits(Limits{CloseTimeout: timeout}); err != nil {
				t.Error(err)
			}
			set <- true
			<-gate
		}}})
		r.receive(append(text("x"), peerClose(frame.NormalClosure, "")...))
		r.advance(30 * time.Second)
		gate <- true
		<-set
		r.turn()
		r.advance(timeout - time.Millisecond<<8)
		expect(t, "closed before the new timeout", r.wire.closed, false)
		r.advance(time.Millisecond << 8)
		expect(t, "closed at the new timeout", r.wire.closed, true)
		close(gate)
		expect(t, "error", r.info().Err, ErrCloseTimeout)
	}
}

func TestLimits_Rates(t *testing.T) {
	r := openRig(t, Config{})
	if err := r.c.SetLimits(Limits{MessagesPerSecond: 1, ControlFramesPerSecond: 2}); err != nil {
		t.Fatal(err)
	}
	for range 10 {
		r.receive(text("x"))
	}
	expect(t, "state after ten seconds' worth", r.c.State(), Open)
	r.receive(text("x"))
	r.turn()
	expect(t, "state after one more", r.c.State(), Closing)
}

// The owner of the loop is told of lifetimes: at the opening, and when they change.
func TestLimits_LifetimeReachesTheHost(t *testing.T) {
	r := openRig(t, Config{})
	expect(t, "told", r.limited, 1)
	for _, limits := range []Limits{{MaxMessageSize: 1}, {MaxLifetime: time.Hour}, {MaxLifetime: time.Hour, MaxPending: 5000}} {
		if err := r.c.SetLimits(limits); err != nil {
			t.Fatal(err)
		}
		r.turn()
	}
	expect(t, "told after one change of it", r.limited, 2)
	expect(t, "lifetime", r.d.MaxLifetime(), time.Hour)
}

// A Writer that has gathered more than a new bound leaves room for still gets rid of it.
func TestLimits_PendingUnderAWriter(t *testing.T) {
	r := openRig(t, Config{})
	w, err := r.c.NewWriter(Binary)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Write(make([]byte, 3000)); err != nil {
		t.Fatal(err)
	}
	if err := r.c.SetLimits(Limits{MaxPending: 1000}); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	r.turn()
	expect(t, "frames", len(r.sent()), 1)
}

func TestLimits_Validate(t *testing.T) {
	r := openRig(t, Config{})
	for name, l := range map[string]Limits{
		"MaxMessageSize": {MaxMessageSize: -1},
		"MaxFragments":   {MaxFragments: -1},
		"MaxPending":     {MaxPending: -1},
		"QueueMessages":  {QueueMessages: -1},
		"QueueBytes":     {QueueBytes: -1},
		"CloseTimeout":   {CloseTimeout: -1},
		"DeflateLevel":   {DeflateLevel: 10},
	} {
		if err := r.c.SetLimits(l); err == nil || errors.Is(err, ErrClosed) || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: %v", name, err)
		}
	}
	all := Limits{MessagesPerSecond: -1, ControlFramesPerSecond: -1, IdleTimeout: -1, WriteTimeout: -1, MaxLifetime: -1, DeflateThreshold: -1}
	if err := r.c.SetLimits(all); err != nil {
		t.Error(err)
	}
}

// From any goroutine, while messages arrive.
func TestLimits_FromAnyGoroutine(t *testing.T) {
	both(t, func(t *testing.T, dispatch Dispatch) {
		r := openRig(t, Config{Dispatch: dispatch})
		done := make(chan struct{})
		go func() {
			defer close(done)
			for i := range 200 {
				_ = r.c.SetLimits(Limits{MaxMessageSize: int64(10 + i%3), IdleTimeout: time.Duration(i%2) * time.Hour})
				_ = r.c.Limits()
			}
		}()
		for range 200 {
			r.receive(text("0123456789"))
			r.turn()
		}
		<-done
		r.turn()
		expect(t, "state", r.c.State(), Open)
	})
}

// Who waits for room looks again when the bound changes: a larger one lets the message through,
// one that it can never pass ends the wait.
func TestLimits_PendingUnderSendWait(t *testing.T) {
	for name, test := range map[string]struct {
		most int
		want error
	}{
		"larger":  {1 << 20, nil},
		"smaller": {1 << 10, ErrMessageTooLarge},
	} {
		t.Run(name, func(t *testing.T) {
			r := openRig(t, Config{MaxPending: 1 << 14, Dispatch: OnGoroutines})
			r.drain(0)
			_ = r.c.SendBinary(make([]byte, 5000))
			r.turn()
			sent := make(chan error, 1)
			go func() { sent <- r.c.SendWait(stdcontext.Background(), Binary, make([]byte, 5000)) }()
			r.eventually("the wait", func() bool { r.c.mu.Lock(); defer r.c.mu.Unlock(); return r.c.tx.waiters.first != nil })
			if err := r.c.SetLimits(Limits{MaxPending: test.most}); err != nil {
				t.Fatal(err)
			}
			if test.want != nil {
				r.drain(-1)
			}
			if err := <-sent; err != test.want {
				t.Errorf("got %v, want %v", err, test.want)
			}
			r.drain(-1)
		})
	}
}

// A Writer goes on while the bound changes, in whatever it has gathered: nothing is lost, and no
// buffer is counted for more or less than it is.
func TestLimits_PendingChangesUnderAWriter(t *testing.T) {
	bounds := []int{1, 100, 2000, 5000, 1 << 20}
	for _, first := range bounds {
		for _, next := range bounds {
			r := openRig(t, Config{MaxPending: first})
			w, err := r.c.NewWriter(Binary)
			if err != nil {
				t.Fatal(err)
			}
			total := 0
			for i := range 20 {
				if i%10 == 5 {
					_ = r.c.SetLimits(Limits{MaxPending: next})
				}
				for left := i * 50; left > 0; {
					n, err := w.Write(make([]byte, left))
					if err != nil && err != ErrPendingFull {
						t.Fatal(err)
					}
					left -= n
					total += n
					r.turn()
				}
			}
			for w.Close() == ErrPendingFull {
				r.turn()
			}
			r.turn()
			got := 0
			for _, f := range r.sent() {
				got += len(f.payload)
			}
			_, lent := r.loop.Lent()
			if got != total || lent != 0 {
				t.Errorf("from %d to %d: %d of %d bytes, %d lent", first, next, got, total, lent)
			}
		}
	}
}

// What waits behind a Writer's message does not keep it from its end, though the bound is less
// by now than what waits.
func TestLimits_PendingBehindAWriter(t *testing.T) {
	r := openRig(t, Config{})
	w, err := r.c.NewWriter(Binary)
	if err != nil {
		t.Fatal(err)
	}
	_, _ = w.Write(make([]byte, 3000))
	_ = r.c.SendBinary(make([]byte, 100<<10))
	_ = r.c.SetLimits(Limits{MaxPending: 16 << 10})
	r.turn()
	if _, err := w.Write(make([]byte, 10_000)); err != nil {
		t.Error(err)
	}
	r.turn()
	if _, err := w.CopyFrom(stdcontext.Background(), strings.NewReader(strings.Repeat("x", 10_000))); err != nil {
		t.Error(err)
	}
	r.turn()
	if err := w.Close(); err != nil {
		t.Error(err)
	}
	r.turn()
	expect(t, "pending", r.c.Pending(), 0)
}

// A negative threshold of a connection means all messages, as the Config's does: those too that
// become longer.
func TestLimits_DeflateThresholdOfAll(t *testing.T) {
	for _, all := range []bool{false, true} {
		r := deflateRig(t, Config{}, noTakeover)
		p := newDeflatePeer(t, r)
		if all {
			_ = r.c.SetLimits(Limits{DeflateThreshold: -1})
		} else {
			_ = r.c.SetLimits(Limits{DeflateThreshold: 1})
		}
		_ = r.c.Send(Text, []byte("x"))
		r.turn()
		expect(t, "messages", len(p.take(r.wire.take())), 1)
		expect(t, "compressed", p.rsv1 == 1, all)
	}
}

// cutter is a transport that notes the time it was given for what is not sent.
type cutter struct {
	*wire
	patience time.Duration
}

func (k *cutter) Cut(patience time.Duration) error {
	k.patience = patience
	return k.Close()
}

// A connection's own CloseTimeout is also what the system has for the last bytes.
func TestLimits_CloseTimeoutOfTheLastBytes(t *testing.T) {
	r := openRig(t, Config{})
	k := &cutter{wire: r.wire}
	r.d.SetTransport(k)
	if err := r.c.SetLimits(Limits{CloseTimeout: time.Minute}); err != nil {
		t.Fatal(err)
	}
	r.receive(peerClose(1000, ""))
	r.info()
	expect(t, "patience", k.patience, time.Minute)
}
