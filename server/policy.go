package server

import (
	"cmp"
	"time"

	"github.com/framerail/framerail/conn"
	"github.com/framerail/framerail/internal/handshake"
	"github.com/framerail/framerail/internal/phase"
	"github.com/framerail/framerail/internal/session"
)

// policy is a server's options as they stood when it started, with every default filled in.
// It does not change.
type policy struct {
	before         phase.Policy   // a connection is open
	config         session.Config // of open connections
	path           string
	routes         bool // the Handler gets handshakes, too
	originPatterns []string
	subprotocols   []string
	noSubprotocol  *handshake.Refusal // where none is offered; nil: that is accepted
	check          func(*Handshake) error
	deflate        Deflate
	proxies        Proxies
	bodyTimeout    time.Duration // negative: no limit
	leaving        Leaving
}

// policy takes the options as they are, for so many loops. s.mu is held.
func (s *Server) policy(loops int) policy {
	p := policy{
		before: phase.Policy{
			HandshakeTimeout:   cmp.Or(s.HandshakeTimeout, defaultHandshakeTimeout),
			TLSAtOnce:          max(cmp.Or(s.MaxTLSHandshakes, defaultMaxTLSHandshakes)/loops, 1),
			Head:               handshake.Limits{MaxHeadBytes: s.MaxHandshakeBytes, MaxHeaders: s.MaxHandshakeHeaders},
			ChecksOnGoroutines: s.CheckDispatch == conn.OnGoroutines,
			ChecksAtOnce:       max(cmp.Or(s.MaxChecks, defaultMaxChecks)/loops, 1),
			CheckTimeout:       cmp.Or(s.CheckTimeout, defaultCheckTimeout),
		},
		config:         s.config().WithDefaults(),
		path:           s.Path,
		routes:         s.RouteUpgrades,
		originPatterns: append([]string(nil), s.OriginPatterns...),
		subprotocols:   append([]string(nil), s.Subprotocols...),
		check:          s.Check,
		bodyTimeout:    cmp.Or(s.BodyTimeout, defaultBodyTimeout),
		deflate:        s.Deflate,
		proxies:        s.Proxies.withDefaults(),
		leaving:        s.Leaving,
	}
	if s.RequireSubprotocol {
		p.noSubprotocol = handshake.NoSubprotocol(p.subprotocols)
	}
	return p
}
