package nats

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/nats-io/nats.go"
)

// violation is an error as the client of NATS makes it of the server's.
func violation(what, subject string) error {
	return fmt.Errorf("%w: Permissions Violation for %s %q", nats.ErrPermissionViolation, what, subject)
}

func TestReadRefusal(t *testing.T) {
	long := strings.Repeat("x", maxName)
	for _, subject := range []string{"framerail.rooms.7", `framerail.it's"quoted"`, "framerail.ключ", "framerail." + long} {
		for what, publish := range map[string]bool{"Publish to": true, "Subscription to": false} {
			if r, ok := readRefusal(violation(what, subject)); !ok || r != (refusal{publish, subject}) {
				t.Errorf("%s %s: %+v", what, subject, r)
			}
		}
	}
	err := fmt.Errorf("%w: Permissions Violation for Subscription to %q using queue %q", nats.ErrPermissionViolation, "a", "b")
	if r, ok := readRefusal(err); !ok || r != (refusal{false, "a"}) {
		t.Errorf("%+v", r)
	}
	for _, err := range []error{nats.ErrMaxSubscriptionsExceeded, violation("Publish with Reply of", "a"), errors.New(publishRefused + "a")} {
		if r, ok := readRefusal(err); ok {
			t.Errorf("%v: %+v", err, r)
		}
	}
}

// What was refused to one call does not count as refused to another.
func TestRefusals_AreOfTheirSubjects(t *testing.T) {
	var r refusals
	subject := func(i int) string { return []string{"p.a", "p.b", "p.c"}[i] }
	r.note(violation("Publish to", "$JS.API.STREAM.INFO.framerail")) // a call of Since
	r.note(violation("Subscription to", "p.b"))
	if n, err := r.accepted(3, subject); n != 3 || err != nil {
		t.Error(n, err)
	}
	if err := r.interest("p.", []string{"a", "c"}, "probe"); err != nil {
		t.Error(err)
	}
	if err := r.interest("p.", []string{"a", "b"}, "probe"); err == nil {
		t.Error("the interest in b counts as confirmed")
	}
	r.note(violation("Publish to", "p.c"))
	r.note(violation("Publish to", "p.b"))
	if n, err := r.accepted(3, subject); n != 1 || err == nil {
		t.Error(n, err)
	}
	r.note(violation("Publish to", "probe"))
	if err := r.interest("p.", []string{"a"}, "probe"); err == nil {
		t.Error("others are not told of an interest, and it counts as confirmed")
	}
	if r.clear(); r.any() != nil {
		t.Error(r.any())
	}
	r.note(nats.ErrMaxSubscriptionsExceeded)
	if err := r.interest("p.", []string{"a"}, "probe"); err != nats.ErrMaxSubscriptionsExceeded || r.any() != err {
		t.Error(err)
	}
}

// The client reports on a goroutine of its own. What it has read counts only when that is noted.
func TestRefusals_WaitForTheReport(t *testing.T) {
	var r refusals
	first, last := violation("Publish to", "a"), violation("Publish to", "b")
	is := func(err error) func() error { return func() error { return err } }
	for _, err := range []error{nil, errors.New("something else")} {
		if r.awaits(is(err)) != nil {
			t.Errorf("waits for %v", err)
		}
	}
	news := r.awaits(is(last))
	r.note(first)
	<-news
	if news = r.awaits(is(last)); news == nil {
		t.Fatal("the last one is not noted yet")
	}
	r.note(last)
	<-news
	if r.awaits(is(last)) != nil {
		t.Error("waits for what is noted")
	}
}

// The client may have more errors at any time. None is noted between the question which is the last and the look whether that is noted:
// nobody would ever report it again.
func TestRefusals_WaitForNothingThatIsNoted(t *testing.T) {
	var r refusals
	r.awaits(func() error {
		if r.mu.TryLock() {
			r.mu.Unlock()
			t.Error("another error can be noted meanwhile")
		}
		return nil
	})
}
