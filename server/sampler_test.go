package server

import (
	"errors"
	"fmt"
	"log/slog"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/framerail/framerail/conn"
	"github.com/framerail/framerail/frame"
)

// sampled is a logger into a journal, with a clock that the test sets.
func sampled() (log *journal, logger *slog.Logger, now *cell[time.Time], s *sampler) {
	log, now = new(journal), new(cell[time.Time])
	now.set(time.Unix(1000, 0))
	s = newSampler(slog.NewTextHandler(log, nil), now.get)
	return log, slog.New(s), now, s
}

func TestSampler_OfOneKindABurstPassesAndThenOneInAnInterval(t *testing.T) {
	log, logger, now, _ := sampled()
	for range 3 * logBurst {
		logger.Info("a")
	}
	if n := log.lines("msg=a"); n != logBurst || strings.Contains(log.String(), "more") {
		t.Errorf("%d lines at first:\n%s", n, log)
	}
	now.set(now.get().Add(logEvery))
	logger.With("x", 1).Info("a")
	logger.WithGroup("g").Info("a")
	if n := log.lines("msg=a"); n != logBurst+1 || log.lines(fmt.Sprint("x=1 more=", 2*logBurst)) != 1 {
		t.Errorf("%d lines an interval later:\n%s", n, log)
	}
	now.set(now.get().Add(time.Hour))
	for range 2 * logBurst {
		logger.Info("a")
	}
	if n := log.lines("msg=a"); n != 2*logBurst+1 {
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
		for range 2 * logBurst {
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
		slog.NewLogLogger(s.of("net/http"), slog.LevelError).Print("served ", i)
	}
	if n := log.lines(""); n != 2*logBurst {
		t.Errorf("%d lines", n)
	}
	for i := range 10 * kindsMost {
		logger.Info(fmt.Sprint(i))
		if n := len(s.kinds.of); n > kindsMost {
			t.Fatalf("%d kinds are remembered", n)
		}
	}
}

// A flood of bad clients does not fill a disk.
func TestLog_OfConnectionsThatFailIsBounded(t *testing.T) {
	modes(t, func(t *testing.T, d conn.Dispatch) {
		log := new(journal)
		s := start(t, &Server{Dispatch: d, Logger: log.logger(), OnMessage: echo})
		began := time.Now()
		const bad = 5 * logBurst
		for range bad {
			p := dial(t, s)
			p.send("\x81\x00") // unmasked
			p.expectClose(frame.ProtocolError)
			p.Close()
		}
		eventually(t, "all to be counted", func() bool { return s.Stats().Causes[CauseProtocol] == bad })
		most := logBurst + 1 + int(time.Since(began)/logEvery)
		if n := log.lines("connection failed"); n < logBurst || n > most {
			t.Errorf("%d lines for %d connections, at most %d were expected", n, bad, most)
		}
	})
}
