package client

import (
	"errors"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"strconv"
	"time"

	"github.com/framerail/framerail/conn"
	"github.com/framerail/framerail/frame"
	"github.com/framerail/framerail/internal/handshake"
	"github.com/framerail/framerail/internal/loop"
	"github.com/framerail/framerail/internal/platform"
)

// Defaults of a Reconnecting.
const (
	// defaultFirstDelay is RFC 6455's: "a random delay between 0 and 5 seconds" (7.2.3).
	defaultFirstDelay = 5 * time.Second
	// defaultMaxDelay is as long as people wait. 10,000 clients then dial 110 times a second.
	defaultMaxDelay = 90 * time.Second
	// defaultStableTime is longer than most servers take to see that they cannot bear a client.
	defaultStableTime = 30 * time.Second
	// restartSpread is how many times FirstDelay the clients of a server that restarts spread over.
	restartSpread = 6
	// retryAfterMost bounds what Retry-After may ask for.
	retryAfterMost = time.Hour
)

// backoff says how long to wait before a dial. Its time is the caller's.
type backoff struct {
	first, most, stable time.Duration
	failures            int // dials in a row that failed or whose connection did not last
	random              func(n int64) int64
	system              platform.Platform
}

func newBackoff(first, most, stable time.Duration) *backoff {
	return &backoff{first: first, most: max(most, first), stable: stable, random: rand.Int64N, system: platform.Real{}}
}

// between is a random time from least on and before most.
func (b *backoff) between(least, most time.Duration) time.Duration {
	if most <= least {
		return least
	}
	return least + time.Duration(b.random(int64(most-least)))
}

// window is how long the next delay may be: it doubles with each failure.
func (b *backoff) window() time.Duration {
	w := b.first
	for range b.failures {
		if w >= b.most/2 {
			return b.most
		}
		w *= 2
	}
	return min(w, b.most)
}

// next is the delay after an outage has begun, behind a connection that lived so long; 0 for none.
func (b *backoff) next(o *Outage, lived time.Duration) time.Duration {
	switch {
	case lived >= b.stable:
		b.failures = 0
	case lived > 0 || o.dialled:
		b.failures++
	}
	window := b.window()
	switch o.peersCode() {
	case frame.ServiceRestart: // all clients of the server get it at once, so none of the range may be cut off
		return b.between(min(b.first, b.most/2), min(restartSpread*b.first, b.most))
	case frame.TryAgainLater:
		return b.between(b.most/2, b.most)
	}
	if asked, ok := o.retryAfter(b.system.Now()); ok { // many clients are asked the same
		return asked + b.between(0, window)
	}
	return b.between(0, window) // full jitter
}

// retryAfter is what a refusal asks for (RFC 9110 10.2.3), as of now.
func (o *Outage) retryAfter(now time.Time) (time.Duration, bool) {
	var refused *HandshakeError
	if !errors.As(o.Err, &refused) {
		return 0, false
	}
	value := refused.Header.Get("Retry-After")
	if seconds, err := strconv.ParseUint(value, 10, 31); err == nil {
		return min(time.Duration(seconds)*time.Second, retryAfterMost), true
	}
	at, err := http.ParseTime(value)
	if err != nil {
		return 0, false
	}
	return min(max(at.Sub(now), 0), retryAfterMost), true
}

// isFinal reports whether to dial again would be in vain, or is not wanted.
func (o *Outage) isFinal() bool {
	var refused *HandshakeError
	switch {
	case errors.Is(o.Err, ErrClientClosed), errors.Is(o.Err, errors.ErrUnsupported), errors.Is(o.Err, conn.ErrOnLoop):
		return true
	case errors.As(o.Err, &refused):
		return isFinalStatus(refused.Status)
	case errors.As(o.Err, new(*handshake.CallerError)), errors.As(o.Err, new(requestError)):
		return true
	}
	return o.isWanted() || isFinalCode(o.peersCode())
}

// peersCode is the close code of a server that has closed; 0 if it has not, or only answers this side's.
func (o *Outage) peersCode() frame.CloseCode {
	if o.Close.By != conn.Peer {
		return 0
	}
	return o.Close.Received
}

// isWanted reports whether this side has closed the connection, and not a limit of it.
func (o *Outage) isWanted() bool {
	if o.Close.By != conn.Local || o.Close.Reason == loop.LifetimeReason {
		return false
	}
	err := o.Close.Err
	return err == nil || errors.Is(err, conn.ErrCloseTimeout) || errors.Is(err, io.ErrUnexpectedEOF) || errors.As(err, new(*net.OpError))
}

// isFinalStatus is about answers: a server that is busy or that restarts says so by one of few.
func isFinalStatus(status int) bool {
	switch status {
	case http.StatusRequestTimeout, http.StatusMisdirectedRequest, http.StatusTooEarly, http.StatusTooManyRequests,
		http.StatusInternalServerError, http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		return false
	}
	return status < 520 // gateways have statuses of their own from there on
}

// isFinalCode is about close codes of the server: it is done, or does not want this client, for a reason
// that the program may know.
func isFinalCode(code frame.CloseCode) bool {
	switch code {
	case frame.NormalClosure, frame.PolicyViolation, frame.MandatoryExtension:
		return true
	}
	return code >= 3000
}
