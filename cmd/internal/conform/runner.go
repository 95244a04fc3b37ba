package conform

import (
	"context"
	"crypto/tls"
	"fmt"
	"net/url"
	"sync"
	"time"
)

// Runner plays cases against one server.
type Runner struct {
	URL   string // ws:// or wss://
	Cases []Case

	// Parallel is how many cases run at a time, those aside that run alone.
	// Zero is 1.
	Parallel int

	// Patience is how long a server may do nothing before a case goes on without it.
	// Zero is DefaultPatience. A server that does what is expected is never waited for
	// that long.
	Patience time.Duration

	// Messages is how many messages each of the cases 12.* and 13.* sends. Zero is
	// DefaultMessages, with which a case is what it is in Autobahn.
	Messages int

	// TLS is for wss:// URLs. nil is Go's default.
	TLS *tls.Config

	// OnResult, if set, is called after each case with how many are done. Calls
	// never overlap; they come from several goroutines.
	OnResult func(done, total int, r Result)
}

// DefaultPatience is long enough for a machine that is busy with other things.
const DefaultPatience = 3 * time.Second

// Run plays the cases and returns when they are done. It fails if the URL is
// none, if the server cannot be reached at all, or if ctx is over; the report then
// has what was done until then.
func (r *Runner) Run(ctx context.Context) (Report, error) {
	report := Report{URL: r.URL, Started: time.Now()}
	u, err := url.Parse(r.URL)
	if err != nil || u.Host == "" || (u.Scheme != "ws" && u.Scheme != "wss") {
		return report, fmt.Errorf("%q is no WebSocket URL: want one such as ws://127.0.0.1:9001/", r.URL)
	}
	if report.Agent, err = r.probe(ctx, u); err != nil {
		return report, err
	}
	results := make([]Result, len(r.Cases))
	var (
		mu   sync.Mutex
		done int
		wg   sync.WaitGroup
	)
	play := func(i int) {
		result := r.run(ctx, u, &r.Cases[i])
		if ctx.Err() != nil {
			return // it says nothing about the server
		}
		results[i] = result
		mu.Lock()
		defer mu.Unlock()
		done++
		if r.OnResult != nil {
			r.OnResult(done, len(r.Cases), results[i])
		}
	}
	next := make(chan int)
	for range max(r.Parallel, 1) {
		wg.Go(func() {
			for i := range next {
				play(i)
			}
		})
	}
	for i := range r.Cases {
		if !r.Cases[i].Serial && ctx.Err() == nil {
			next <- i
		}
	}
	close(next)
	wg.Wait()
	for i := range r.Cases {
		if r.Cases[i].Serial && ctx.Err() == nil {
			play(i)
		}
	}
	for i := range results {
		if results[i].ID != "" {
			report.Results = append(report.Results, results[i])
		}
	}
	report.Took = time.Since(report.Started)
	return report, ctx.Err()
}

// probe opens one connection and returns the server's name for itself.
func (r *Runner) probe(ctx context.Context, u *url.URL) (agent string, err error) {
	s := newSession("probe", r, u)
	defer s.shut()
	if err := s.dial(ctx); err != nil {
		return "", err
	}
	if err := s.handshake(opening{}); err != nil {
		return "", fmt.Errorf("%s does not open WebSocket connections: %w", r.URL, err)
	}
	s.send(0, closeFrame(1000, ""))
	s.wait(ctx, s.patience)
	return s.server, nil
}

// waits is how many times a case may wait for a server that does nothing, in addition
// to its time.
const waits = 4

// run plays one case.
func (r *Runner) run(ctx context.Context, u *url.URL, c *Case) Result {
	return playIn(ctx, newSession(c.ID, r, u), c)
}

// playIn plays a case in its session.
func playIn(ctx context.Context, s *Session, c *Case) Result {
	timeout := c.Timeout
	if timeout == 0 {
		timeout = DefaultTimeout
	}
	ctx, cancel := context.WithTimeout(ctx, timeout+waits*s.patience)
	defer cancel()
	defer s.shut()
	c.Run(ctx, s)
	s.result.ID, s.result.Group, s.result.Title = c.ID, c.Group, c.Title
	s.result.Sent, s.result.Expected = c.Sent, c.Expected
	s.result.Took = time.Since(s.log.began)
	s.result.Wire = s.log.all()
	return s.result
}
