package server

import (
	"crypto/tls"
	"testing"
	"time"

	"github.com/framerail/framerail/internal/loop"
	"github.com/framerail/framerail/internal/session"
	"github.com/framerail/framerail/poller"
)

// reached are the ways into each phase, in which the connection then stays.
var reached = [phaseCount]func(t *testing.T) (*Server, *peer){
	loop.Open: func(t *testing.T) (*Server, *peer) {
		s := start(t, &Server{Loops: 1})
		return s, dial(t, s)
	},
	phaseProxyHeader: func(t *testing.T) (*Server, *peer) {
		s := start(t, &Server{Loops: 1, Proxies: Proxies{Protocol: here}})
		p := dialRaw(t, s)
		p.send("PROXY")
		return s, p
	},
	phaseTLS: func(t *testing.T) (*Server, *peer) {
		s := startTLS(t, &Server{Loops: 1, TLSConfig: new(tls.Config)})
		p := dialRaw(t, s)
		p.send("\x16\x03\x01")
		return s, p
	},
	phaseRequest: func(t *testing.T) (*Server, *peer) {
		s := start(t, &Server{Loops: 1})
		p := dialRaw(t, s)
		p.send("GET")
		return s, p
	},
	phaseCheck: func(t *testing.T) (*Server, *peer) {
		s, questions := questioning(&Server{Loops: 1})
		start(t, s)
		p := ask(t, s)
		receive(t, questions)
		return s, p
	},
	phaseLeaving: func(t *testing.T) (*Server, *peer) {
		s := start(t, &Server{Loops: 1})
		p := dialRaw(t, s)
		p.send("GET / HTTP/1.1\r\n\r\n")
		p.expectStatus(400)
		return s, p
	},
}

// Every phase answers every event: none falls through, and none is counted twice.
func TestPhases_EveryRowAnswersEveryEvent(t *testing.T) {
	const gone = phaseCount
	type outcome struct {
		phase   loop.Phase
		refused Reason
	}
	stays := func(p loop.Phase) outcome { return outcome{phase: p} }
	events := map[string]func(l *phases, cl *tenant){
		"ready": func(l *phases, cl *tenant) { l.Row(&cl.Tenant).Ready(&cl.Tenant, poller.Read) },
		"late": func(l *phases, cl *tenant) {
			l.Hasten(&cl.Tenant, -time.Hour)
			l.Row(&cl.Tenant).Late(&cl.Tenant)
		},
		"early":  func(l *phases, cl *tenant) { l.Row(&cl.Tenant).Late(&cl.Tenant) },
		"drain":  func(l *phases, cl *tenant) { l.Row(&cl.Tenant).Commanded(&cl.Tenant, loop.Drain) },
		"abort":  func(l *phases, cl *tenant) { l.Row(&cl.Tenant).Commanded(&cl.Tenant, loop.Abort) },
		"broken": func(l *phases, cl *tenant) { l.Row(&cl.Tenant).Broken(&cl.Tenant) },
		"short":  func(l *phases, cl *tenant) { l.short(cl) },
	}
	want := [phaseCount]map[string]outcome{
		loop.Open: {"abort": stays(gone)},
		phaseProxyHeader: {"late": {gone, ReasonTimeout}, "abort": {gone, ReasonDraining},
			"broken": {gone, ReasonInternal}, "short": {gone, ReasonMemory}},
		phaseTLS: {"late": {gone, ReasonTimeout}, "abort": {gone, ReasonDraining},
			"broken": {gone, ReasonInternal}, "short": {gone, ReasonMemory}},
		phaseRequest: {"late": {phaseLeaving, ReasonTimeout}, "abort": {gone, ReasonDraining},
			"broken": {phaseLeaving, ReasonInternal}, "short": {phaseLeaving, ReasonMemory}},
		phaseCheck: {"late": {phaseLeaving, ReasonCheckLate}, "abort": {gone, ReasonDraining},
			"broken": {gone, ReasonInternal}, "short": {phaseLeaving, ReasonMemory}},
		phaseLeaving: {"late": stays(gone), "abort": stays(gone), "broken": stays(gone), "short": stays(gone)},
	}
	closes := map[string]bool{"late": true, "drain": true, "abort": true, "broken": true, "short": true} // an open connection
	for p := range phaseCount {
		for name, event := range events {
			t.Run([...]string{"open", "proxyheader", "tls", "request", "check", "leaving"}[p]+"/"+name, func(t *testing.T) {
				s, _ := reached[p](t)
				l := s.run.loops[0]
				var cl *tenant
				eventually(t, "the phase", func() (there bool) {
					l.do(t, func() {
						l.each(func(c *tenant) { cl, there = c, c.Phase() == p && (p != loop.Open || c.State() == session.Open) })
					})
					return there
				})
				before, left := s.Stats().Refused, time.Duration(0)
				got := outcome{phase: gone}
				l.do(t, func() {
					event(l, cl)
					if !l.IsGone(&cl.Tenant) {
						got.phase, left = cl.Phase(), l.Left(&cl.Tenant)
					}
				})
				for why, n := range s.Stats().Refused {
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
				if hastened := name == "drain" && p != loop.Open; hastened && left > drainGrace+time.Second {
					t.Errorf("a server that drains leaves it %v", left)
				}
				if state := cl.State(); p == loop.Open && (state != session.Open) != closes[name] {
					t.Errorf("it is %v", state)
				}
			})
		}
	}
}
