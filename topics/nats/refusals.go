package nats

import (
	"context"
	"errors"
	"strconv"
	"strings"
	"sync"

	"github.com/nats-io/nats.go"
)

// refusals are what the server has refused, for want of rights say. The server says so before it answers to what was sent
// later, and names the subject. But the client of NATS reports it a little later, on a goroutine of its own.
type refusals struct {
	mu     sync.Mutex
	of     map[refusal]error               // guarded by mu
	other  error                           // guarded by mu: one that names no subject
	latest error                           // guarded by mu: that was reported
	news   chan struct{}                   // guarded by mu: closed with the next report; nil: nobody waits
	hear   func(subject string, err error) // guarded by mu: called with publications; nil: nobody hears
}

// refusal is one of them. It is of a publication, or else of a subscription.
type refusal struct {
	publish bool
	subject string
}

// What the server says before a subject in quotes.
const (
	publishRefused   = "Permissions Violation for Publish to "
	subscribeRefused = "Permissions Violation for Subscription to "
)

// readRefusal finds the subject in an error of the server's.
func readRefusal(err error) (r refusal, ok bool) {
	_, rest, publish := strings.Cut(err.Error(), publishRefused)
	if !publish {
		if _, rest, ok = strings.Cut(err.Error(), subscribeRefused); !ok {
			return r, false
		}
	}
	quoted, bad := strconv.QuotedPrefix(rest)
	if bad != nil {
		return r, false
	}
	subject, bad := strconv.Unquote(quoted)
	return refusal{publish, subject}, bad == nil
}

// isRefusal reports whether an error of a connection is one of those after which the connection stays.
func isRefusal(err error) bool {
	return errors.Is(err, nats.ErrPermissionViolation) || errors.Is(err, nats.ErrMaxSubscriptionsExceeded)
}

// listen has f called with each publication that is refused from now on.
func (r *refusals) listen(f func(subject string, err error)) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.hear = f
}

// note notes an error that the client reports.
func (r *refusals) note(err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.latest = err
	what, ok := readRefusal(err)
	switch {
	case !ok:
		r.other = err
	case r.of == nil:
		r.of = map[refusal]error{what: err}
	default:
		r.of[what] = err
	}
	if ok && what.publish && r.hear != nil {
		r.hear(what.subject, err)
	}
	if r.news != nil {
		close(r.news)
		r.news = nil
	}
}

// clear forgets what was refused.
func (r *refusals) clear() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.of, r.other = nil, nil
}

// settle waits until all is noted that the client has read from the server.
func (r *refusals) settle(ctx context.Context, l *link) {
	for {
		news := r.awaits(l.nc.LastError)
		if news == nil {
			return
		}
		select {
		case <-news:
		case <-ctx.Done():
			return
		case <-l.ended:
			return
		}
	}
}

// awaits is what to wait for until the last error of the client's is noted. nil: nothing.
func (r *refusals) awaits(lastError func() error) <-chan struct{} {
	r.mu.Lock()
	defer r.mu.Unlock()
	if last := lastError(); !isRefusal(last) || r.latest == last { // under mu, so that no later one is noted already
		return nil
	}
	if r.news == nil {
		r.news = make(chan struct{})
	}
	return r.news
}

// any is one of them, if there is one.
func (r *refusals) any() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, err := range r.of {
		return err
	}
	return r.other
}

// accepted is how many of n publications the server has taken before the first one that it has refused, and why it has. subject is
// that of each.
func (r *refusals) accepted(n int, subject func(i int) string) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.of) == 0 {
		return n, nil
	}
	for i := range n {
		if err := r.of[refusal{true, subject(i)}]; err != nil {
			return i, err
		}
	}
	return n, nil
}

// interest is why the server refuses interest in topics: in one of them, or the probe that tells other servers. What was refused to
// others meanwhile, such as a call of Since, is not of it.
func (r *refusals) interest(prefix string, topics []string, probe string) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.other != nil || len(r.of) == 0 {
		return r.other
	}
	if err := r.of[refusal{true, probe}]; err != nil {
		return err
	}
	for _, topic := range topics {
		if err := r.of[refusal{false, prefix + topic}]; err != nil {
			return err
		}
	}
	return nil
}
