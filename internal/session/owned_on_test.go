//go:build owned

package session

import (
	"strings"
	"testing"
	"time"

	"github.com/framerail/framerail/frame"
)

// panicOf runs f on a goroutine of its own and is what it panics with; "" if it does not.
func panicOf(f func()) (with string) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		defer func() {
			if r := recover(); r != nil {
				with, _ = r.(string)
			}
		}()
		f()
	}()
	<-done
	return with
}

// What belongs to the loop cannot be reached from another goroutine; what does not, can.
func TestOwned_AnotherGoroutine(t *testing.T) {
	r := openRig(t, Config{})
	for name, f := range map[string]func(){
		"Readable": r.d.Readable, "Writable": r.d.Writable, "Attend": r.d.Attend, "Expire": r.d.Expire,
		"Retime": r.d.Retime, "Abort": func() { r.d.Abort(nil) }, "Open": func() { r.d.Open(Opening{}) },
		"Ending": func() { r.d.Ending() }, "Holding": func() { r.d.Holding() }, "Shed": func() { r.d.Shed() },
		"CloseInfo": func() { r.d.CloseInfo() }, "Transport": func() { r.d.Transport() },
		"Sleeps": func() { r.loop.Sleeps(true) }, "Publish": func() { r.loop.Publish(r.d.policy(), new(Counters)) },
	} {
		if with := panicOf(f); !strings.Contains(with, "touches what belongs to goroutine") {
			t.Errorf("%s on another goroutine: %q", name, with)
		}
	}
	for name, f := range map[string]func(){
		"Send": func() { _ = r.c.SendText("x") }, "Pending": func() { r.c.Pending() }, "State": func() { r.c.State() },
		"SetLimits": func() { _ = r.c.SetLimits(Limits{IdleTimeout: time.Hour}) },
		"Close":     func() { _ = r.c.Close(frame.NormalClosure, "") },
	} {
		if with := panicOf(f); with != "" {
			t.Errorf("%s on another goroutine: %s", name, with)
		}
	}
}

// While a connection's lock is held no other connection's is taken, nor the same once more.
func TestOwned_OneConnectionsLock(t *testing.T) {
	r, other := openRig(t, Config{}), openRig(t, Config{})
	for name, c := range map[string]*Conn{"another connection's": other.c, "its own": r.c} {
		with := panicOf(func() {
			r.c.mu.Lock()
			defer r.c.mu.Unlock()
			c.Pending()
		})
		if !strings.Contains(with, "is taken by a goroutine that holds") {
			t.Errorf("%s lock: %q", name, with)
		}
	}
}
