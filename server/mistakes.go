package server

import (
	"cmp"
	"errors"
	"fmt"
	"log/slog"
	"strings"

	"github.com/framerail/framerail/conn"
	"github.com/framerail/framerail/internal/handshake"
)

// validate refuses impossible options. With them a server would silently refuse every client, or accept
// clients that it should refuse.
func (s *Server) validate() error {
	config := s.config()
	for _, check := range [...]func() error{
		config.Validate, s.validateCheck, s.validateRouting, s.validateNegotiation, s.validateNumbers, s.validateChoices,
		(*handshake.Deflate)(&s.Deflate).Validate, s.Proxies.validate, s.TCP.validate, s.Leaving.validate,
	} {
		if err := check(); err != nil {
			return err
		}
	}
	return nil
}

// validateCheck is about limits that would not hold for Check.
func (s *Server) validateCheck() error {
	switch {
	case s.Check != nil && s.CheckDispatch == conn.OnLoop && s.CheckTimeout > 0:
		return errors.New("framerail: Limits.CheckTimeout is set, but Check runs on the loop, where nothing ends it: see CheckDispatch")
	case s.Check != nil && s.CheckDispatch == conn.OnLoop && s.MaxChecks > 0:
		return errors.New("framerail: Limits.MaxChecks is set, but Check runs on the loop, one at a time: see CheckDispatch")
	}
	return nil
}

// validateRouting is about where handshakes go.
func (s *Server) validateRouting() error {
	switch {
	case s.Path != "" && s.Path[0] != '/':
		return fmt.Errorf("framerail: Path %q does not begin with a slash, as those of all requests do", s.Path)
	case strings.ContainsAny(s.Path, "?# "):
		return fmt.Errorf("framerail: Path %q has what no path of a request has", s.Path)
	case strings.ContainsAny(s.Path, "{}"):
		return fmt.Errorf("framerail: Path %q has braces, but no wildcards: set RouteUpgrades, so that the Handler's mux routes handshakes", s.Path)
	case s.RouteUpgrades && s.Handler == nil:
		return errors.New("framerail: RouteUpgrades is set, but there is no Handler to route them")
	case s.RouteUpgrades && s.Path != "":
		return errors.New("framerail: RouteUpgrades has the Handler route handshakes, but Path is set, too")
	}
	return nil
}

// validateNegotiation is about what handshakes are held against.
func (s *Server) validateNegotiation() error {
	for _, p := range s.OriginPatterns {
		if err := handshake.ValidatePattern(p); err != nil {
			return fmt.Errorf("framerail: OriginPatterns has %q: %w", p, errors.Unwrap(err))
		}
	}
	for _, name := range s.Subprotocols {
		if !handshake.ValidSubprotocol(name) {
			return fmt.Errorf("framerail: Subprotocols has %q, which no client can offer (RFC 6455 4.1)", name)
		}
	}
	if s.RequireSubprotocol && len(s.Subprotocols) == 0 {
		return errors.New("framerail: RequireSubprotocol is set, but Subprotocols has none that a client could offer")
	}
	return nil
}

// validateNumbers is about numbers that have no meaning when they are negative.
func (s *Server) validateNumbers() error {
	for _, o := range [...]struct {
		name  string
		value int64
	}{
		{"Loops", int64(s.Loops)},
		{"Limits.MaxMessageSize", s.MaxMessageSize},
		{"Limits.MaxFragments", int64(s.MaxFragments)},
		{"Limits.MaxPending", int64(s.MaxPending)},
		{"Limits.QueueMessages", int64(s.QueueMessages)},
		{"Limits.QueueBytes", int64(s.QueueBytes)},
		{"Limits.MaxHandshakeBytes", int64(s.MaxHandshakeBytes)},
		{"Limits.MaxHandshakeHeaders", int64(s.MaxHandshakeHeaders)},
		{"Limits.MaxTLSHandshakes", int64(s.MaxTLSHandshakes)},
		{"Limits.MaxChecks", int64(s.MaxChecks)},
		{"Limits.HandshakeTimeout", int64(s.HandshakeTimeout)},
		{"Limits.CheckTimeout", int64(s.CheckTimeout)},
		{"Limits.CloseTimeout", int64(s.CloseTimeout)},
		{"Limits.DeflateLevel", int64(s.DeflateLevel)},
	} {
		if o.value < 0 {
			return fmt.Errorf("framerail: %s is negative", o.name)
		}
	}
	return nil
}

// validateChoices is about options that are one of a few.
func (s *Server) validateChoices() error {
	switch {
	case s.CheckDispatch > conn.OnGoroutines:
		return fmt.Errorf("framerail: there is no CheckDispatch %d", s.CheckDispatch)
	case s.DeflateLevel > 9:
		return fmt.Errorf("framerail: Limits.DeflateLevel %d is not from 1 to 9, nor 0 for the default", s.DeflateLevel)
	case !s.Deflate.Enabled && (s.DeflateLevel != 0 || s.DeflateThreshold != 0):
		return errors.New("framerail: Limits has a DeflateLevel or a DeflateThreshold, but Deflate is not Enabled")
	}
	return nil
}

// warn logs options that are likely to surprise. A message that may arrive but can never be sent is
// right for uploads, and wrong for an echo or a chat. A program that sets both limits has chosen.
func warn(s *Server, r *running) {
	size, pending := r.config.MaxMessageSize, int64(r.config.MaxPending)
	if size > pending && s.OnStream == nil && (s.MaxMessageSize == 0 || s.MaxPending == 0) {
		r.logger.Warn("framerail: messages larger than MaxPending may arrive, but cannot be sent; set both limits if that is wanted",
			"MaxMessageSize", size, "MaxPending", pending)
	}
}

// logUnstarted logs once why Upgrade cannot start a server: an option is impossible, for example. There
// is no sampler yet.
func logUnstarted(s *Server, err error) {
	s.unstarted.Do(func() {
		cmp.Or(s.Logger, slog.Default()).Error("framerail: the server does not start, and Upgrade answers with 500", "error", err)
	})
}
