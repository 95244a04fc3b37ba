package server

import (
	"cmp"
	"time"

	"github.com/framerail/framerail/conn"
	"github.com/framerail/framerail/internal/handshake"
	"github.com/framerail/framerail/internal/session"
)

// policy is a server's options as they stood when it started, with every default filled in.
// It does not change.
type policy struct {
	config           session.Config
	path             string
	routes           bool // the Handler gets handshakes, too
	originPatterns   []string
	subprotocols     []string
	noSubprotocol    *handshake.Refusal // where none is offered; nil: that is accepted
	check            func(*Handshake) error
	checkOnGoroutine bool          // check runs on goroutines
	checksAtOnce     int           // of one loop
	checkTimeout     time.Duration // for each
	deflate          Deflate
	proxies          Proxies
	handshakeTimeout time.Duration
	head             handshake.Limits
	bodyTimeout      time.Duration // negative: no limit
	handshakesAtOnce int           // TLS handshakes of one loop
}

// policy takes the options as they are. s.mu is held.
func (s *Server) policy() policy {
	p := policy{
		config:           s.config().WithDefaults(),
		path:             s.Path,
		routes:           s.RouteUpgrades,
		originPatterns:   append([]string(nil), s.OriginPatterns...),
		subprotocols:     append([]string(nil), s.Subprotocols...),
		check:            s.Check,
		checkOnGoroutine: s.CheckDispatch == conn.OnGoroutines,
		checkTimeout:     cmp.Or(s.CheckTimeout, defaultCheckTimeout),
		bodyTimeout:      cmp.Or(s.BodyTimeout, defaultBodyTimeout),
		deflate:          s.Deflate,
		proxies:          s.Proxies.withDefaults(),
		handshakeTimeout: cmp.Or(s.HandshakeTimeout, defaultHandshakeTimeout),
		head:             handshake.Limits{MaxHeadBytes: s.MaxHandshakeBytes, MaxHeaders: s.MaxHandshakeHeaders},
	}
	if s.RequireSubprotocol {
		p.noSubprotocol = handshake.NoSubprotocol(p.subprotocols)
	}
	p.config.MaxLifetime = cmp.Or(s.MaxLifetime, defaultMaxLifetime)
	return p
}
