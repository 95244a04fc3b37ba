package server

import (
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"slices"
)

// ListenAndServeTLS is ListenAndServe over TLS. As in net/http the certificate and the key are two PEM
// files, and the issuers' certificates may follow the certificate. Both names may be "" if TLSConfig has
// certificates, GetCertificate or GetConfigForClient. An empty Addr is ":443".
func (s *Server) ListenAndServeTLS(certFile, keyFile string) error {
	ln, config, err := s.listenTLS(certFile, keyFile)
	if err != nil {
		return err
	}
	a, err := s.newAcceptor(ln, config)
	if err != nil {
		return err
	}
	return s.accept(a)
}

// StartTLS is Start over TLS, with files as for ListenAndServeTLS.
func (s *Server) StartTLS(certFile, keyFile string) error {
	ln, config, err := s.listenTLS(certFile, keyFile)
	if err != nil {
		return err
	}
	a, err := s.newAcceptor(ln, config)
	if err != nil {
		return err
	}
	go s.accept(a)
	return nil
}

// ServeTLS is Serve over TLS, with files as for ListenAndServeTLS. Pass a plain listener: connections of
// [tls.NewListener] have no descriptor.
func (s *Server) ServeTLS(ln net.Listener, certFile, keyFile string) error {
	config, err := secureConfig(s.TLSConfig, certFile, keyFile)
	if err != nil {
		_ = ln.Close()
		return err
	}
	a, err := s.newAcceptor(ln, config)
	if err != nil {
		return err
	}
	return s.accept(a)
}

func (s *Server) listenTLS(certFile, keyFile string) (net.Listener, *tls.Config, error) {
	config, err := secureConfig(s.TLSConfig, certFile, keyFile)
	if err != nil {
		return nil, nil, err
	}
	ln, err := s.listen("https")
	return ln, config, err
}

// errNoCertificate is the error of serving over TLS without a certificate.
var errNoCertificate = errors.New("framerail: TLS needs a certificate: of files, or in TLSConfig")

// secureConfig is a clone of a program's TLSConfig with the server's own settings.
func secureConfig(program *tls.Config, certFile, keyFile string) (*tls.Config, error) {
	config := program.Clone() // nil of nil
	if config == nil {
		config = new(tls.Config)
	}
	config.NextProtos = withoutHTTP2(config.NextProtos)
	if choose := config.GetConfigForClient; choose != nil {
		config.GetConfigForClient = func(hello *tls.ClientHelloInfo) (*tls.Config, error) {
			chosen, err := choose(hello)
			if err != nil || chosen == nil {
				return chosen, err
			}
			protocols := withoutHTTP2(chosen.NextProtos)
			if slices.Equal(protocols, chosen.NextProtos) {
				return chosen, nil
			}
			// crypto/tls takes the keys of session tickets from config, or from the clone if
			// the program has set them there.
			chosen = chosen.Clone()
			chosen.NextProtos = protocols
			return chosen, nil
		}
	}
	has := len(config.Certificates) > 0 || config.GetCertificate != nil || config.GetConfigForClient != nil
	switch {
	case certFile != "" || keyFile != "":
		cert, err := tls.LoadX509KeyPair(certFile, keyFile)
		if err != nil {
			return nil, fmt.Errorf("framerail: certificate for TLS: %w", err)
		}
		config.Certificates = []tls.Certificate{cert}
	case !has:
		return nil, errNoCertificate
	}
	return config, nil
}

// withoutHTTP2 is a list of protocols for ALPN with HTTP/1.1 in place of HTTP/2, which is
// another protocol, in which a handshake would look different (RFC 8441).
func withoutHTTP2(protocols []string) []string {
	kept := slices.DeleteFunc(slices.Clone(protocols), func(p string) bool { return p == "h2" })
	if !slices.Contains(kept, "http/1.1") {
		kept = append(kept, "http/1.1")
	}
	return kept
}
