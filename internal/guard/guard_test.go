//go:build owned

package guard

import (
	"strings"
	"testing"
)

// panics runs f and is what it panics with; "" if it does not.
func panics(f func()) (with string) {
	defer func() {
		if r := recover(); r != nil {
			with = r.(string)
		}
	}()
	f()
	return ""
}

func TestGoroutine_IsTheOnlyOne(t *testing.T) {
	var g Goroutine
	other := func() (with string) {
		done := make(chan struct{})
		go func() { defer close(done); with = panics(g.Check) }()
		<-done
		return with
	}
	if with := other(); with != "" {
		t.Errorf("nobody owns it: %s", with)
	}
	g.Take()
	if with := panics(g.Check); with != "" {
		t.Errorf("its own goroutine: %s", with)
	}
	if with := other(); !strings.Contains(with, "touches what belongs to goroutine") {
		t.Errorf("another goroutine: %q", with)
	}
	g.Leave()
	if with := other(); with != "" {
		t.Errorf("given up: %s", with)
	}
}

// Locks are taken in the order of the package's documentation, and in no other.
func TestOrderOfLocks(t *testing.T) {
	type lock struct {
		name        string
		enter, exit func()
	}
	var c, c2 ConnMutex
	var s SecureMutex
	var l, l2 LastMutex
	var a, a2 LoneMutex
	first := []lock{
		{"conn", c.Lock, c.Unlock}, {"tls", EnterTLS, LeaveTLS}, {"secure", s.Lock, s.Unlock},
		{"last", l.Lock, l.Unlock}, {"lone", a.Lock, a.Unlock},
	}
	second := []lock{
		{"conn", c2.Lock, c2.Unlock}, {"tls", EnterTLS, LeaveTLS}, {"secure", s.Lock, s.Unlock},
		{"last", l2.Lock, l2.Unlock}, {"lone", a2.Lock, a2.Unlock},
	}
	const lasts = 3 // from here on nothing is taken besides
	for i, outer := range first {
		for k, inner := range second {
			outer.enter()
			with := panics(inner.enter)
			if right := i < k && i < lasts && k <= lasts; right != (with == "") {
				t.Errorf("%s within %s: %q", inner.name, outer.name, with)
			}
			if with == "" {
				inner.exit()
			}
			outer.exit()
		}
	}
	if n := len(held(self())); n != 0 {
		t.Errorf("%d locks are held still", n)
	}
}

func TestUnlock_ByAnother(t *testing.T) {
	var m ConnMutex
	m.Lock()
	done := make(chan struct{})
	with := ""
	go func() { defer close(done); with = panics(m.Unlock) }()
	<-done
	if with == "" {
		t.Error("another goroutine may unlock")
	}
	m.Unlock()
}

func TestHeld(t *testing.T) {
	var m, other ConnMutex
	if panics(func() { Held(&m) }) == "" {
		t.Error("nobody holds it")
	}
	other.Lock()
	if panics(func() { Held(&m) }) == "" {
		t.Error("another one is held")
	}
	other.Unlock()
	if !m.TryLock() {
		t.Fatal("it is free")
	}
	if with := panics(func() { Held(&m) }); with != "" {
		t.Errorf("it is held: %s", with)
	}
	m.Unlock()
}
