package server

import (
	"crypto/tls"
	"testing"
	"time"

	"github.com/framerail/framerail/internal/loop"
	"github.com/framerail/framerail/internal/phase"
	"github.com/framerail/framerail/internal/session"
	"github.com/framerail/framerail/poller"
)

// beforeOpen is how many phases there are, with loop.Open.
const beforeOpen = phase.Leaving + 1

// reached are the ways into each phase, in which the connection then stays.
var reached = [beforeOpen]func(t *testing.T) (*Server, *peer){
	loop.Open: func(t *testing.T) (*Server, *peer) {
		s := start(t, &Server{Loops: 1})
		return s, dial(t, s)
	},
	phase.ProxyHeader: func(t *testing.T) (*Server, *peer) {
		s := start(t, &Server{Loops: 1, Proxies: Proxies{Protocol: here}})
		p := dialRaw(t, s)
		p.send("PROXY")
		return s, p
	},
	phase.TLS: func(t *testing.T) (*Server, *peer) {
		s := startTLS(t, &Server{Loops: 1, TLSConfig: new(tls.Config)})
		p := dialRaw(t, s)
		p.send("\x16\x03\x01")
		return s, p
	},
	phase.Request: func(t *testing.T) (*Server, *peer) {
		s := start(t, &Server{Loops: 1})
		p := dialRaw(t, s)
		p.send("GET")
		return s, p
	},
	phase.Check: func(t *testing.T) (*Server, *peer) {
		s, questions := questioning(&Server{Loops: 1})
		start(t, s)
		p := ask(t, s)
		receive(t, questions)
		return s, p
	},
	phase.Leaving: func(t *testing.T) (*Server, *peer) {
		s := start(t, &Server{Loops: 1})
		p := dialRaw(t, s)
		p.send("GET / HTTP/1.1\r\n\r\n")
		p.expectStatus(400)
		return s, p
	},
}

// inPhase calls f on the loop, once the connection is in the phase. It returns false if the machine was too slow: who
// has its refusal is gone after two seconds.
func inPhase(t *testing.T, s *Server, p loop.Phase, f func(l *phase.Table, cl *loop.Tenant)) (there bool) {
	l := s.run.loops[0]
	eventually(t, "the phase", func() bool {
		gone := p == phase.Leaving
		do(t, l, func() {
			var cl *loop.Tenant
			l.Each(func(c *loop.Tenant) {
				cl, gone = c, false
				there = c.Phase() == p && (p != loop.Open || c.State() == session.Open)
			})
			if there {
				f(l, cl)
			}
		})
		return there || gone
	})
	return there
}

// Every phase answers every event: none falls through, and none is counted twice.
func TestPhases_EveryRowAnswersEveryEvent(t *testing.T) {
	const gone = beforeOpen
	type outcome struct {
		phase   loop.Phase
		refused Reason
	}
	stays := func(p loop.Phase) outcome { return outcome{phase: p} }
	events := map[string]func(l *phase.Table, t *loop.Tenant){
		"ready": func(l *phase.Table, t *loop.Tenant) { l.Row(t).Ready(t, poller.Read) },
		"late": func(l *phase.Table, t *loop.Tenant) {
			l.Hasten(t, -time.Hour)
			l.Row(t).Late(t)
		},
		"early":  func(l *phase.Table, t *loop.Tenant) { l.Row(t).Late(t) },
		"drain":  func(l *phase.Table, t *loop.Tenant) { l.Row(t).Commanded(t, loop.Drain) },
		"abort":  func(l *phase.Table, t *loop.Tenant) { l.Row(t).Commanded(t, loop.Abort) },
		"broken": func(l *phase.Table, t *loop.Tenant) { l.Row(t).Broken(t) },
		"short":  func(l *phase.Table, t *loop.Tenant) { l.Row(t).Short(t) },
	}
	want := [beforeOpen]map[string]outcome{
		loop.Open: {"abort": stays(gone)},
		phase.ProxyHeader: {"late": {gone, ReasonTimeout}, "abort": {gone, ReasonDraining},
			"broken": {gone, ReasonInternal}, "short": {gone, ReasonMemory}},
		phase.TLS: {"late": {gone, ReasonTimeout}, "abort": {gone, ReasonDraining},
			"broken": {gone, ReasonInternal}, "short": {gone, ReasonMemory}},
		phase.Request: {"late": {phase.Leaving, ReasonTimeout}, "abort": {gone, ReasonDraining},
			"broken": {phase.Leaving, ReasonInternal}, "short": {phase.Leaving, ReasonMemory}},
		phase.Check: {"late": {phase.Leaving, ReasonCheckLate}, "abort": {gone, ReasonDraining},
			"broken": {gone, ReasonInternal}, "short": {phase.Leaving, ReasonMemory}},
		phase.Leaving: {"late": stays(gone), "abort": stays(gone), "broken": stays(gone), "short": stays(gone)},
	}
	closes := map[string]bool{"late": true, "drain": true, "abort": true, "broken": true, "short": true} // an open connection
	for p := range beforeOpen {
		for name, event := range events {
			t.Run([...]string{"open", "proxyheader", "tls", "request", "check", "leaving"}[p]+"/"+name, func(t *testing.T) {
				var before, after map[Reason]uint64
				var left time.Duration
				var state session.State
				got := outcome{phase: gone}
				onceInTime(t, func() bool {
					s, _ := reached[p](t)
					return inPhase(t, s, p, func(l *phase.Table, cl *loop.Tenant) {
						before = s.Stats().Refused
						event(l, cl)
						if !l.IsGone(cl) {
							got.phase, left = cl.Phase(), l.Left(cl)
						}
						after, state = s.Stats().Refused, cl.State()
					})
				})
				for why, n := range after {
					switch n - before[why] {
					case 0:
					case 1:
						got.refused += why
					default:
						t.Errorf("%s is counted twice", why)
					}
				}
				expected, changes := want[p][name]
				if !changes {
					expected = stays(p)
				}
				if got != expected {
					t.Errorf("%+v, want %+v", got, expected)
				}
				if hastened := name == "drain" && p != loop.Open; hastened && left > phase.DrainGrace+time.Second {
					t.Errorf("a server that drains leaves it %v", left)
				}
				if p == loop.Open && (state != session.Open) != closes[name] {
					t.Errorf("it is %v", state)
				}
			})
		}
	}
}
