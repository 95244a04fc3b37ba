package client

import (
	"cmp"
	"container/heap"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/framerail/framerail/conn"
	"github.com/framerail/framerail/frame"
	"github.com/framerail/framerail/internal/handshake"
	"github.com/framerail/framerail/internal/loop"
	"github.com/framerail/framerail/internal/platform"
)

func dialFailed(err error) *Outage { return &Outage{Err: err, dialled: true} }

func refusal(status int, retryAfter string) *Outage {
	h := http.Header{}
	if retryAfter != "" {
		h.Set("Retry-After", retryAfter)
	}
	return dialFailed(&HandshakeError{Status: status, Header: h, Err: handshake.ErrAnswerStatus})
}

func closedBy(by conn.Side, received frame.CloseCode, err error) *Outage {
	return &Outage{Close: conn.CloseInfo{By: by, Received: received, Err: err}, Err: err}
}

// extremes are the least and the greatest delay that there may be.
func extremes(b *backoff, o *Outage, lived time.Duration) (least, most time.Duration) {
	low, high := *b, *b
	low.random = func(int64) int64 { return 0 }
	high.random = func(n int64) int64 { return n - 1 }
	return low.next(o, lived), high.next(o, lived) + 1
}

func TestBackoff(t *testing.T) {
	const s = time.Second
	network := dialFailed(&net.OpError{Op: "dial", Err: errors.New("refused")})
	for _, tc := range []struct {
		rule        string
		failures    int // before
		o           *Outage
		lived       time.Duration
		least, most time.Duration
	}{
		{"the end of a connection that was stable", 5, closedBy(conn.Nobody, 0, io.ErrUnexpectedEOF), 30 * s, 0, 5 * s},
		{"of one that was not", 0, closedBy(conn.Nobody, 0, io.ErrUnexpectedEOF), 29 * s, 0, 10 * s},
		{"a dial that fails", 0, network, 0, 0, 10 * s},
		{"the second", 1, network, 0, 0, 20 * s},
		{"the fifth", 4, network, 0, 0, 90 * s},
		{"the millionth", 1_000_000, network, 0, 0, 90 * s},
		{"1001", 0, closedBy(conn.Peer, frame.GoingAway, nil), time.Hour, 0, 5 * s},
		{"1012", 0, closedBy(conn.Peer, frame.ServiceRestart, nil), time.Hour, 5 * s, 30 * s},
		{"1013", 0, closedBy(conn.Peer, frame.TryAgainLater, nil), time.Hour, 45 * s, 90 * s},
		{"1013 of this side", 0, closedBy(conn.Local, frame.TryAgainLater, conn.ErrPendingFull), time.Hour, 0, 5 * s},
		{"503", 0, refusal(503, ""), 0, 0, 10 * s},
		{"503 with Retry-After", 0, refusal(503, "7"), 0, 7 * s, 17 * s},
		{"429 with more than MaxDelay", 0, refusal(429, "600"), 0, 600 * s, 610 * s},
		{"with more than an hour", 0, refusal(429, "86400"), 0, 3600 * s, 3610 * s},
		{"with nonsense", 0, refusal(429, "-1"), 0, 0, 10 * s},
		{"with a time that is over", 0, refusal(429, "Sun, 06 Nov 1994 08:49:37 GMT"), 0, 0, 10 * s},
	} {
		b := newBackoff(defaultFirstDelay, defaultMaxDelay, defaultStableTime)
		b.failures = tc.failures
		if least, most := extremes(b, tc.o, tc.lived); least != tc.least || most != tc.most {
			t.Errorf("%s: from %v to %v, want %v to %v", tc.rule, least, most, tc.least, tc.most)
		}
	}
	for _, tc := range []struct{ first, most, least, greatest time.Duration }{
		{5 * s, 20 * s, 5 * s, 20 * s},
		{5 * s, 5 * s, 5 * s / 2, 5 * s},
		{60 * s, 90 * s, 45 * s, 90 * s},
		{5 * s, 0, 5 * s / 2, 5 * s}, // MaxDelay is at least FirstDelay
	} {
		b := newBackoff(tc.first, tc.most, defaultStableTime)
		if least, greatest := extremes(b, closedBy(conn.Peer, frame.ServiceRestart, nil), time.Hour); least != tc.least || greatest != tc.greatest {
			t.Errorf("1012 with FirstDelay %v and MaxDelay %v: from %v to %v, want %v to %v", tc.first, tc.most, least, greatest, tc.least, tc.greatest)
		}
	}
	synctest.Test(t, func(t *testing.T) {
		at := time.Now().Add(time.Minute).UTC().Format(http.TimeFormat)
		b := newBackoff(s, s, s)
		if least, _ := extremes(b, refusal(503, at), 0); least != time.Minute {
			t.Errorf("Retry-After at a time: %v", least)
		}
	})
	b := newBackoff(s, s, s)
	b.system = clock{now: time.Date(2100, 1, 1, 0, 0, 0, 0, time.UTC)}
	if least, _ := extremes(b, refusal(503, "Fri, 01 Jan 2100 00:01:00 GMT"), 0); least != time.Minute {
		t.Errorf("Retry-After at a time of another system's: %v", least)
	}
}

// clock is a system whose time stands still.
type clock struct {
	platform.Real
	now time.Time
}

func (c clock) Now() time.Time { return c.now }

func TestOutage_Final(t *testing.T) {
	for name, tc := range map[string]struct {
		o    *Outage
		want bool
	}{
		"network":               {dialFailed(&net.OpError{Op: "dial", Err: errors.New("refused")}), false},
		"DNS":                   {dialFailed(&net.DNSError{IsNotFound: true}), false},
		"timeout":               {dialFailed(errLate), false},
		"of BeforeDial":         {dialFailed(errors.New("no token")), false},
		"client closed":         {dialFailed(ErrClientClosed), true},
		"no event loop":         {dialFailed(errors.ErrUnsupported), true},
		"on an event loop":      {dialFailed(dialError(nil, conn.ErrOnLoop)), true},
		"header of the program": {dialFailed(&dialFailure{"", &handshake.CallerError{Err: handshake.ErrHeaderName}}), true},
		"URL":                   {dialFailed(&dialFailure{"", checkURL(nil)}), true},
		"broken answer":         {dialFailed(&HandshakeError{Status: 101, Err: handshake.ErrAnswerAccept}), true},
		"no WebSocket":          {refusal(200, ""), true},
		"redirect":              {refusal(302, ""), true},
		"unauthorized":          {refusal(401, ""), true},
		"not found":             {refusal(404, ""), true},
		"request timeout":       {refusal(408, ""), false},
		"rate":                  {refusal(429, ""), false},
		"error":                 {refusal(500, ""), false},
		"not implemented":       {refusal(501, ""), true},
		"restart":               {refusal(503, "1"), false},
		"gateway's own":         {refusal(521, ""), false},
		"lost":                  {closedBy(conn.Nobody, frame.AbnormalClosure, io.ErrUnexpectedEOF), false},
		"done":                  {closedBy(conn.Peer, frame.NormalClosure, nil), true},
		"going away":            {closedBy(conn.Peer, frame.GoingAway, nil), false},
		"protocol error":        {closedBy(conn.Peer, frame.ProtocolError, nil), false},
		"policy":                {closedBy(conn.Peer, frame.PolicyViolation, nil), true},
		"server error":          {closedBy(conn.Peer, frame.InternalError, nil), false},
		"service restart":       {closedBy(conn.Peer, frame.ServiceRestart, nil), false},
		"overload":              {closedBy(conn.Peer, frame.TryAgainLater, nil), false},
		"application's":         {closedBy(conn.Peer, 4401, nil), true},
		"library's":             {closedBy(conn.Peer, 3000, nil), true},
		"wanted":                {closedBy(conn.Local, frame.NormalClosure, nil), true},
		"wanted, no answer":     {closedBy(conn.Local, frame.AbnormalClosure, conn.ErrCloseTimeout), true},
		"wanted, broken":        {closedBy(conn.Local, frame.AbnormalClosure, conn.ErrUnexpectedEOF), true},
		"silent":                {closedBy(conn.Local, frame.GoingAway, conn.ErrIdle), false},
		"stalled":               {closedBy(conn.Local, frame.AbnormalClosure, conn.ErrWriteStalled), false},
		"its own overflow":      {closedBy(conn.Local, frame.TryAgainLater, conn.ErrPendingFull), false},
		"server too fast":       {closedBy(conn.Local, frame.PolicyViolation, conn.ErrMessageRate), false},
		"lifetime":              {&Outage{Close: conn.CloseInfo{By: conn.Local, Reason: loop.LifetimeReason}}, false},
	} {
		if got := tc.o.isFinal(); got != tc.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}

// keep waits between dials, tells of each outage, follows what OnDown makes of it, and ends with the context.
func TestKeep(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		var dials, failures []int
		script := []*Outage{
			dialFailed(io.EOF), dialFailed(io.EOF), refusal(404, ""), closedBy(conn.Peer, frame.GoingAway, nil), closedBy(conn.Peer, frame.NormalClosure, nil),
		}
		lives := []time.Duration{0, 0, 0, time.Minute, time.Minute}
		once := func(context.Context) (*Outage, time.Duration) {
			dials = append(dials, int(time.Since(began)/time.Second))
			i := len(dials) - 1
			time.Sleep(lives[i])
			return script[i], lives[i]
		}
		b := newBackoff(10*time.Second, 40*time.Second, 30*time.Second)
		b.random = func(n int64) int64 { return n / 2 }
		err := keep(context.Background(), nil, b, once, func(o *Outage) {
			failures = append(failures, o.Failures)
			if o.Final && len(failures) == 3 { // 404: the program knows better
				o.Final, o.Delay = false, time.Second
			}
		})
		var last *Outage
		if !errors.As(err, &last) || last.Close.Received != frame.NormalClosure {
			t.Errorf("it ended with %v", err)
		}
		if want := []int{0, 10, 30, 31, 96}; !slices.Equal(dials, want) {
			t.Errorf("dials at %v, want %v", dials, want)
		}
		if want := []int{1, 2, 3, 0, 0}; !slices.Equal(failures, want) {
			t.Errorf("failures %v, want %v", failures, want)
		}

		ctx, cancel := context.WithTimeoutCause(context.Background(), time.Minute, errors.New("enough"))
		defer cancel()
		n := 0
		err = keep(ctx, nil, newBackoff(time.Second, time.Second, 1), func(context.Context) (*Outage, time.Duration) { n++; return dialFailed(io.EOF), 0 }, nil)
		if err == nil || err.Error() != "enough" || n < 60 {
			t.Errorf("%v after %d dials", err, n)
		}
	})
}

// herd is the clients of a server that restarts, by the second in which each dials.
type herd struct {
	perSecond []int // dials
	back      int   // clients that are connected again
	last      time.Duration
}

// simulated is a client, and when it dials next.
type simulated struct {
	*backoff
	at time.Duration
}

// queue is clients by the time of their next dial, for container/heap.
type queue []simulated

func (q queue) Len() int           { return len(q) }
func (q queue) Less(i, j int) bool { return q[i].at < q[j].at }
func (q queue) Swap(i, j int)      { q[i], q[j] = q[j], q[i] }
func (q *queue) Push(x any)        { *q = append(*q, x.(simulated)) }
func (q *queue) Pop() any {
	last := (*q)[len(*q)-1]
	*q = (*q)[:len(*q)-1]
	return last
}

// restart has n clients of a server dial, each by a back-off of its own. The server tells them nothing, or code; is
// away for a time, in which dials fail; and then takes so many a second, and refuses others with 503.
func restart(n int, first, most time.Duration, code frame.CloseCode, away time.Duration, perSecond int, seed uint64) (h herd) {
	random := rand.New(rand.NewPCG(seed, 0))
	end := closedBy(conn.Nobody, frame.AbnormalClosure, io.ErrUnexpectedEOF)
	if code != 0 {
		end = closedBy(conn.Peer, code, nil)
	}
	var q queue
	for range n {
		b := newBackoff(first, most, defaultStableTime)
		b.random = random.Int64N
		q = append(q, simulated{b, b.next(end, time.Hour)})
	}
	heap.Init(&q)
	taken := map[int]int{}
	for len(q) > 0 && q[0].at < time.Hour {
		c := &q[0]
		second := int(c.at / time.Second)
		for len(h.perSecond) <= second {
			h.perSecond = append(h.perSecond, 0)
		}
		h.perSecond[second]++
		switch {
		case c.at < away:
			c.at += c.next(dialFailed(io.EOF), 0)
		case taken[second] == perSecond:
			c.at += c.next(refusal(503, "1"), 0)
		default:
			taken[second]++
			h.back++
			h.last = c.at
			heap.Pop(&q)
			continue
		}
		heap.Fix(&q, 0)
	}
	return h
}

// 10,000 clients whose server restarts come back spread over time, and all of them do.
func TestBackoff_NoHerd(t *testing.T) {
	const n = 10_000
	for _, tc := range []struct {
		name      string
		code      frame.CloseCode
		away      time.Duration
		perSecond int           // that the server takes
		most      int           // dials in a second
		within    time.Duration // all are back
		first     time.Duration // FirstDelay; 0: the default
		longest   time.Duration // MaxDelay; 0: the default
	}{
		// Without a word, or with 1001, the first dials spread over 5 s: 2,000 a second. While the
		// server is away the second ones come on top.
		{"lost, back at once", 0, 0, n, 2200, 6 * time.Second, 0, 0},
		{"1001, away for 20 s", frame.GoingAway, 20 * time.Second, n, n / 3, 150 * time.Second, 0, 0},
		{"1001, away for 10 minutes", frame.GoingAway, 10 * time.Minute, n, n / 3, 10*time.Minute + 95*time.Second, 0, 0},
		// With 1012 over 25 s: 400 a second.
		{"1012, back at once", frame.ServiceRestart, 0, n, 480, 31 * time.Second, 0, 0},
		{"1012, away for 3 s", frame.ServiceRestart, 3 * time.Second, n, 480, 31 * time.Second, 0, 0},
		// A short MaxDelay narrows the range, and nobody comes at its end together: 10 s and 5 s are left.
		{"1012, short MaxDelay", frame.ServiceRestart, 0, n, 1200, 16 * time.Second, 5 * time.Second, 15 * time.Second},
		{"1012, equal delays", frame.ServiceRestart, 0, n, 2300, 11 * time.Second, 10 * time.Second, 10 * time.Second},
		// With 1013 over 45 s: 222 a second.
		{"1013", frame.TryAgainLater, 0, n, 300, 91 * time.Second, 0, 0},
		// A server that takes 100 a second needs 100 s. It gets ten times as many at most.
		{"1012, slow server", frame.ServiceRestart, 0, 100, 1200, 200 * time.Second, 0, 0},
		{"lost, slow server", 0, 0, 100, n / 3, 200 * time.Second, 0, 0},
	} {
		t.Run(tc.name, func(t *testing.T) {
			for seed := range uint64(5) {
				h := restart(n, cmp.Or(tc.first, defaultFirstDelay), cmp.Or(tc.longest, defaultMaxDelay), tc.code, tc.away, tc.perSecond, seed)
				peak, total := slices.Max(h.perSecond), 0
				for _, dials := range h.perSecond {
					total += dials
				}
				said := fmt.Sprintf("at most %d dials in a second, %d in all, the last client back after %v", peak, total, h.last.Round(time.Second))
				if seed == 0 {
					t.Log(said)
				}
				if h.back != n || peak > tc.most || h.last > tc.within {
					t.Errorf("seed %d: %d of %d clients are back; %s; want at most %d and %v", seed, h.back, n, said, tc.most, tc.within)
				}
			}
		})
	}
}
