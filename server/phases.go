package server

import (
	"github.com/framerail/framerail/internal/loop"
	"github.com/framerail/framerail/internal/nethttp"
	"github.com/framerail/framerail/internal/phase"
)

// phaseOptions are what a server that starts hands to the phases of its connections.
func phaseOptions(s *Server, r *running) *phase.Options {
	o := &phase.Options{
		Policy:   r.before,
		Session:  &r.config,
		Platform: r.platform,
		Gate:     r.gate,
		Budget:   &r.budget,
		Logger:   r.logger,
		New:      func() *phase.Tenant { return &new(tenant).Tenant },
		Judge:    &r.judge,
		Proxies:  trusted{&r.proxies},
		Sessions: opened{s},
		Report:   &r.telling,
		Work:     &r.onGoroutines,
	}
	if r.http != nil {
		o.Handover = handover{r}
	}
	return o
}

// opened is a server's open connections, as its phases see them.
type opened struct{ *Server }

var _ phase.Sessions = opened{}

// Begin implements phase.Sessions, as the next three do.
func (s opened) Begin(t *phase.Tenant) {
	s.sessions.Begin()
	if stream := nethttp.StreamBelow(t.Below()); stream != nil {
		stream.BeginCallbacks()
		s.sessions.streams.Store(tenantOf(t), stream)
	}
}

// Opened enters a connection into the table of clients.
func (s opened) Opened(t *phase.Tenant) { s.clients.add(tenantOf(t)) }

// Closed takes it out.
func (s opened) Closed(t *phase.Tenant) {
	s.clients.remove(tenantOf(t))
	s.sessions.closed(t.CloseInfo())
}

// Ended notes that its close callback has returned.
func (s opened) Ended(t *phase.Tenant) {
	if stream, ok := s.sessions.streams.LoadAndDelete(tenantOf(t)); ok {
		stream.(*nethttp.Stream).EndCallbacks()
	}
	s.sessions.End()
}

// tenantOf is a tenant of the server's.
func tenantOf(t *phase.Tenant) *tenant { return loop.Of[tenant](&t.Conn) }
