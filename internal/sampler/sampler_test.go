package sampler

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/framerail/framerail/frame"
)

// journal is a log to look things up in.
type journal struct{ bytes.Buffer }

// lines are those that contain the text.
func (j *journal) lines(text string) (n int) {
	for line := range strings.Lines(j.String()) {
		if strings.Contains(line, text) {
			n++
		}
	}
	return n
}

// clock is a clock that the test sets.
type clock struct{ at time.Time }

func (c *clock) set(at time.Time) { c.at = at }
func (c *clock) get() time.Time   { return c.at }

// sampled is a logger into a journal, with a clock that the test sets.
func sampled() (log *journal, logger *slog.Logger, now *clock, s *Handler) {
	log, now = new(journal), new(clock)
	now.set(time.Unix(1000, 0))
	s = New(slog.NewTextHandler(log, nil), now.get)
	return log, slog.New(s), now, s
}

func TestSampler_OfOneKindABurstPassesAndThenOneInAnInterval(t *testing.T) {
	log, logger, now, _ := sampled()
	for range 3 * Burst {
		logger.Info("a")
	}
	if n := log.lines("msg=a"); n != Burst || strings.Contains(log.String(), "more") {
		t.Errorf("%d lines at first:\n%s", n, log)
	}
	now.set(now.get().Add(Every))
	logger.With("x", 1).Info("a")
	logger.WithGroup("g").Info("a")
	if n := log.lines("msg=a"); n != Burst+1 || log.lines(fmt.Sprint("x=1 more=", 2*Burst)) != 1 {
		t.Errorf("%d lines an interval later:\n%s", n, log)
	}
	now.set(now.get().Add(time.Hour))
	for range 2 * Burst {
		logger.Info("a")
	}
	if n := log.lines("msg=a"); n != 2*Burst+1 {
		t.Errorf("%d lines after an hour", n)
	}
}

// What a flood of one kind leaves out is not what others have to say.
func TestSampler_KindsAreApart(t *testing.T) {
	for name, pair := range map[string][2][]any{
		"reason":   {{"reason", "one"}, {"reason", "another"}},
		"code":     {{"code", uint16(1002)}, {"code", uint16(1009)}},
		"callback": {{"callback", "Check"}, {}},
		"rule":     {{"error", frame.ErrMessageTooBig}, {"error", &net.OpError{Op: "read", Err: frame.ErrTooManyFragments}}},
	} {
		log, logger, _, _ := sampled()
		for range 2 * Burst {
			logger.Info("m", pair[0]...)
		}
		logger.Info("m", append(pair[1], "here", true)...)
		if log.lines("here=true") != 1 {
			t.Errorf("%s: left out:\n%s", name, log)
		}
	}
}

// Nothing that a client can choose makes a kind of its own, and no program can fill
// the memory with kinds.
func TestSampler_ClientsMakeNoKinds(t *testing.T) {
	log, logger, _, s := sampled()
	for i := range 100 {
		logger.Info("m", "remote", i, "panic", i, "error", errors.New(fmt.Sprint(i)))
		slog.NewLogLogger(s.Of("net/http"), slog.LevelError).Print("served ", i)
	}
	if n := log.lines(""); n != 2*Burst {
		t.Errorf("%d lines", n)
	}
	for i := range 10 * kindsMost {
		logger.Info(fmt.Sprint(i))
		if n := len(s.kinds.of); n > kindsMost {
			t.Fatalf("%d kinds are remembered", n)
		}
	}
}
