package server

import (
	"log/slog"
	"net/netip"
	"sync/atomic"

	"github.com/framerail/framerail/internal/handshake"
	"github.com/framerail/framerail/internal/phase"
	"github.com/framerail/framerail/internal/platform"
	"github.com/framerail/framerail/internal/sampler"
	"github.com/framerail/framerail/internal/session"
	"github.com/framerail/framerail/internal/stacktrace"
)

// telling is what a server logs and counts besides what its loops count. Safe from any
// goroutine.
type telling struct {
	logger  *slog.Logger
	sampled *sampler.Handler // what logger logs to

	refused [reasonCount]atomic.Uint64
	panics  atomic.Uint64 // in Check, before there is a connection
}

// init has the connections of a Config log through the same sampler.
func (t *telling) init(config *session.Config, on platform.Platform) {
	t.sampled = sampler.New(config.Logger.Handler(), on.Now)
	t.logger = slog.New(t.sampled)
	config.Logger = t.logger
}

var _ phase.Report = (*telling)(nil)

// refuse counts a connection that never became one.
func (t *telling) refuse(why Reason) { t.refused[why].Add(1) }

// Refused implements phase.Report, as the next two do.
func (t *telling) Refused(why phase.Reason) { t.refuse(unanswered[why]) }

// Answered counts and logs an answer that refuses a client, and returns the answer to send.
func (t *telling) Answered(remote netip.AddrPort, refusal *handshake.Refusal) *handshake.Refusal {
	refusal = t.sendable(remote, refusal)
	t.logRefusal(remote, refusal)
	t.refuse(reasonOf(refusal))
	return refusal
}

// Panicked counts and logs a callback of no connection that did not return.
func (t *telling) Panicked(where string, p any) {
	t.panics.Add(1)
	t.logger.Error("framerail: a callback panicked", "callback", where, "panic", p, "stack", stacktrace.Panic())
}

// sendable is the answer in place of one that the program has made and that cannot be sent.
func (t *telling) sendable(remote netip.AddrPort, refusal *handshake.Refusal) *handshake.Refusal {
	err := refusal.Validate()
	if err == nil {
		return refusal
	}
	t.logger.Error("framerail: refusal of the program cannot be sent", "remote", remote, "error", err)
	return handshake.ErrInternal
}

// logRefusal logs that a client was refused, and why if the program has said more than
// the status.
func (t *telling) logRefusal(remote netip.AddrPort, refusal *handshake.Refusal) {
	attrs := []any{"remote", remote, "status", refusal.Status, "reason", refusal.Reason}
	if _, bare := refusal.Cause.(*Refusal); refusal.Cause != nil && !bare {
		attrs = append(attrs, "error", refusal.Cause)
	}
	t.logger.Info("framerail: handshake refused", attrs...)
}
