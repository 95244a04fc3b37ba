package server

import (
	"crypto/tls"
	"errors"
	"net"
	"slices"
	"strings"

	"github.com/framerail/framerail/internal/gate"
	"github.com/framerail/framerail/internal/platform"
)

// listen listens on Addr, by default on the port of a scheme: once for each scheme.
func (s *Server) listen(scheme string) (net.Listener, error) {
	if err := s.mayServe(platform.Real{}); err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	before := s.listened[scheme]
	if slices.ContainsFunc(s.acceptors, func(a *gate.Acceptor) bool { return a.Listener() == before }) {
		return nil, errListens
	}
	ln, err := s.listenOnAddr(scheme)
	if err == nil {
		if s.listened == nil {
			s.listened = make(map[string]net.Listener)
		}
		s.listened[scheme] = ln
	}
	return ln, err
}

// errListens is what listening on Addr fails with when the server does.
var errListens = errors.New("framerail: the server listens on Addr already: Serve is for several listeners")

func (s *Server) listenOnAddr(scheme string) (net.Listener, error) {
	if path, ok := strings.CutPrefix(s.Addr, "unix:"); ok {
		if path == "" { // Linux would choose a name
			return nil, errors.New("framerail: Addr names no path of a unix socket")
		}
		return net.Listen("unix", path)
	}
	if s.Addr == "" {
		return net.Listen("tcp", ":"+scheme)
	}
	return net.Listen("tcp", s.Addr)
}

// newAcceptor enters a listener, and starts the loops if it is the first. If it
// fails the listener is closed. Without a config its connections are plain.
func (s *Server) newAcceptor(ln net.Listener, config *tls.Config) (*gate.Acceptor, error) {
	err := s.mayServe(platform.Of(ln))
	var a *gate.Acceptor
	if err == nil {
		a, err = gate.Listen(ln, config)
	}
	if err != nil {
		_ = ln.Close()
		return nil, err
	}
	if err := s.enter(a); err != nil {
		a.Close()
		return nil, err
	}
	return a, nil
}

// enter gives an acceptor the loops to serve, which it starts if need be.
func (s *Server) enter(a *gate.Acceptor) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.stopped {
		return ErrServerClosed
	}
	if s.run == nil {
		run, err := s.start(platform.Of(a.Listener()))
		if err != nil {
			return err
		}
		s.run = run
	}
	if err := a.Use(s.run.gate); err != nil {
		return err
	}
	if s.addr == nil {
		s.addr = a.Listener().Addr()
	}
	s.acceptors = append(s.acceptors, a)
	return nil
}

// accept serves the connections of an acceptor until the server stops.
func (s *Server) accept(a *gate.Acceptor) error {
	return a.Serve(func() {
		s.mu.Lock()
		s.acceptors = slices.DeleteFunc(s.acceptors, func(o *gate.Acceptor) bool { return o == a })
		s.mu.Unlock()
	})
}
