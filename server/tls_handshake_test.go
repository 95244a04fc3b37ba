package server

import (
	"bytes"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/framerail/framerail/conn"
)

func TestTLS_CertificateOfFiles(t *testing.T) {
	certFile, keyFile := certificateFiles(t)
	for name, serve := range map[string]func(*Server) error{
		"ListenAndServeTLS": func(s *Server) error { return s.ListenAndServeTLS(certFile, keyFile) },
		"ServeTLS": func(s *Server) error {
			ln, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				return err
			}
			return s.ServeTLS(ln, certFile, keyFile)
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := &Server{OnMessage: echo}
			served := make(chan error, 1)
			startWith(t, s, func() error { go func() { served <- serve(s) }(); return nil })
			eventually(t, "the listener", func() bool { return s.ListenAddr() != nil })
			dialTLS(t, s).alive()
			if err := s.Close(); err != nil {
				t.Error(err)
			}
			if err := receive(t, served); err != ErrServerClosed {
				t.Errorf("got %v, want ErrServerClosed", err)
			}
		})
	}
}

func TestTLS_NeedsACertificate(t *testing.T) {
	s := &Server{Addr: "127.0.0.1:0"}
	if err := s.StartTLS("", ""); !errors.Is(err, errNoCertificate) {
		t.Errorf("none: %v", err)
	}
	if err := s.ListenAndServeTLS("missing.pem", "missing.key"); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("missing files: %v", err)
	}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	if err := s.ServeTLS(ln, "", ""); !errors.Is(err, errNoCertificate) {
		t.Errorf("none: %v", err)
	}
	if _, err := ln.Accept(); !errors.Is(err, net.ErrClosed) {
		t.Errorf("the listener is still open: %v", err)
	}
}

// A certificate by the name asked for (RFC 6066 3), and another one from the next
// handshake on.
func TestTLS_CertificatesChangeWhileRunning(t *testing.T) {
	var old, next = certificate("old.example"), certificate("next.example")
	var current cell[*tls.Certificate]
	current.set(&old)
	names := make(chan string, 2)
	s := startTLS(t, &Server{OnMessage: echo, TLSConfig: &tls.Config{
		GetCertificate: func(h *tls.ClientHelloInfo) (*tls.Certificate, error) {
			names <- h.ServerName
			return current.get(), nil
		},
	}})
	for _, name := range []string{"old.example", "next.example"} {
		config := trusting()
		config.ServerName = name
		p := secured(t, s, config)
		if got := p.Conn.(*tls.Conn).ConnectionState().PeerCertificates[0].Subject.CommonName; got != name {
			t.Errorf("the certificate is of %s", got)
		}
		if got := receive(t, names); got != name {
			t.Errorf("asked for %q", got)
		}
		p.handshake()
		p.alive()
		current.set(&next)
	}
}

func TestTLS_ClientCertificate(t *testing.T) {
	versions(t, func(t *testing.T, version uint16) {
		seen := make(chan string, 2)
		s := startTLS(t, &Server{
			TLSConfig: &tls.Config{ClientAuth: tls.RequireAndVerifyClientCert, ClientCAs: testAuthority().pool},
			Check: func(h *Handshake) error {
				seen <- h.Request.TLS.PeerCertificates[0].Subject.CommonName
				return nil
			},
			OnConnection: func(c *conn.Conn) { seen <- c.TLS().VerifiedChains[0][0].Subject.CommonName },
		})
		config := trusting()
		config.MinVersion, config.MaxVersion = version, version
		config.Certificates = []tls.Certificate{certificate("alice")}
		secured(t, s, config).handshake()
		for range 2 {
			if name := receive(t, seen); name != "alice" {
				t.Errorf("the client is %q", name)
			}
		}

		config.Certificates = nil
		p := dialRaw(t, s)
		_, err := io.ReadAll(tls.Client(p.Conn, config))
		if err == nil || !strings.Contains(err.Error(), "remote error: tls") {
			t.Errorf("without a certificate the client sees %v", err)
		}
		eventually(t, "the failure to be counted", func() bool { return s.Stats().Refused[ReasonTLS] == 1 })
	})
}

func TestTLS_ProtocolIsHTTP1(t *testing.T) {
	s := startTLS(t, &Server{TLSConfig: &tls.Config{NextProtos: []string{"h2", "x"}}})
	for _, test := range []struct{ offer, want string }{{"h2,http/1.1", "http/1.1"}, {"x", "x"}, {"", ""}} {
		config := trusting()
		if test.offer != "" {
			config.NextProtos = strings.Split(test.offer, ",")
		}
		p := secured(t, s, config)
		if got := p.Conn.(*tls.Conn).ConnectionState().NegotiatedProtocol; got != test.want {
			t.Errorf("offered %q, agreed on %q", test.offer, got)
		}
		p.handshake()
	}
	if got := s.TLSConfig.NextProtos; len(got) != 2 {
		t.Errorf("the program's config was changed: %q", got)
	}
}

func TestTLS_SessionIsResumed(t *testing.T) {
	versions(t, func(t *testing.T, version uint16) {
		s := startTLS(t, &Server{OnMessage: echo})
		config := trusting()
		config.MinVersion, config.MaxVersion = version, version
		config.ClientSessionCache = tls.NewLRUClientSessionCache(1)
		for i := range 3 {
			p := secured(t, s, config)
			p.handshake()
			p.alive() // the ticket has come
			if got := p.Conn.(*tls.Conn).ConnectionState().DidResume; got != (i > 0) {
				t.Errorf("connection %d resumed: %v", i, got)
			}
			p.Close()
		}
		if st := s.Stats(); st.TLS.Done != 3 || st.TLS.Resumed != 2 {
			t.Errorf("counted %+v", st.TLS)
		}
	})
}

// As with net/http, a client that speaks HTTP to the TLS port gets an answer that says so.
func TestTLS_PlainHTTPIsAnswered(t *testing.T) {
	for _, request := range []string{upgrade + "\r\n", "POST / HTTP/1.0\r\n\r\n", "OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n"} {
		t.Run(request[:4], func(t *testing.T) {
			s := startTLS(t, &Server{})
			p := dialRaw(t, s)
			p.send(request)
			if _, body := p.expectRefusal(http.StatusBadRequest); !strings.Contains(body, "TLS") {
				t.Errorf("it says %q", body)
			}
			p.Close()
			eventually(t, "the refusal to be counted", func() bool { return s.Stats().Refused[ReasonTLS] == 1 })
		})
	}
}

func TestTLS_GarbageIsNotAnswered(t *testing.T) {
	parallel(t)
	var log journal
	s := startTLS(t, &Server{Logger: log.logger()})
	p := dialRaw(t, s)
	p.send("\x16\x03\x01\x00\x05hello, what is this?")
	p.expectGone()
	log.expect(t, "TLS handshake failed")
	eventually(t, "the failure to be counted", func() bool { return s.Stats().Refused[ReasonTLS] == 1 })
	dialRaw(t, s).Close()
	dialTLS(t, s).Close()
	left := dialRaw(t, s)
	left.send(string(half()))
	left.Close()
	eventually(t, "all to leave", func() bool {
		st := s.Stats()
		return st.Accepted == 4 && load(s) == 0 && accounted(st) >= 4
	})
	expectAllAccounted(t, s.Stats())
}

func TestTLS_SilentClientsCostNoGoroutine(t *testing.T) {
	onlyNative(t, "each has a goroutine")
	parallel(t)
	s := startTLS(t, &Server{Limits: Limits{HandshakeTimeout: 10 * time.Second}})
	before := census(t).goroutines
	for range 10 {
		dialRaw(t, s)
	}
	eventually(t, "all to be accepted", func() bool { return s.Stats().Accepted == 10 })
	eventually(t, "all to be there, and no goroutine more", func() bool { return census(t).goroutines <= before && load(s) == 10 })
	eventually(t, "all to be given up", func() bool { return load(s) == 0 })
	if n := s.Stats().Refused[ReasonTimeout]; n != 10 {
		t.Errorf("%d timeouts", n)
	}
}

// hello is a ClientHello, in its record, and half the first part of it.
func hello() []byte {
	var hello bytes.Buffer
	_ = tls.Client(recorder{&hello}, trusting()).Handshake()
	return hello.Bytes()
}

func half() []byte {
	b := hello()
	return b[:len(b)/2]
}

type recorder struct{ *bytes.Buffer }

func (recorder) Read([]byte) (int, error)         { return 0, io.EOF }
func (recorder) Close() error                     { return nil }
func (recorder) LocalAddr() net.Addr              { return nil }
func (recorder) RemoteAddr() net.Addr             { return nil }
func (recorder) SetDeadline(time.Time) error      { return nil }
func (recorder) SetReadDeadline(time.Time) error  { return nil }
func (recorder) SetWriteDeadline(time.Time) error { return nil }

// A callback that never returns holds its goroutine, and neither the loop nor Close.
func TestTLS_CallbackMayBlock(t *testing.T) {
	parallel(t)
	release := make(chan struct{})
	var released bool
	s := startTLS(t, &Server{OnMessage: echo, Limits: Limits{HandshakeTimeout: 10 * time.Second}, TLSConfig: &tls.Config{
		GetCertificate: func(h *tls.ClientHelloInfo) (*tls.Certificate, error) {
			cert := exampleCertificate()
			if h.ServerName == "slow.example" {
				select {
				case <-release:
				case <-h.Context().Done(): // the handshake was given up
					<-release
				}
			}
			return &cert, nil
		},
	}})
	defer func() {
		if !released {
			close(release)
		}
	}()
	config := trusting()
	config.ServerName = "slow.example"
	p := dialRaw(t, s)
	over := tls.Client(p.Conn, config)
	done := make(chan error, 1)
	go func() { done <- over.Handshake() }()
	dialTLS(t, s).alive()
	if err := receive(t, done); err == nil {
		t.Error("the handshake was not given up")
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	released = true
	close(release)
}

func TestTLS_CallbackMayPanic(t *testing.T) {
	var log journal
	s := startTLS(t, &Server{OnMessage: echo, Logger: log.logger(), TLSConfig: &tls.Config{
		GetCertificate: func(h *tls.ClientHelloInfo) (*tls.Certificate, error) {
			if h.ServerName != "example.com" {
				panic("no such name")
			}
			cert := exampleCertificate()
			return &cert, nil
		},
	}})
	p := dialRaw(t, s)
	config := trusting()
	config.ServerName = "other.example"
	if err := tls.Client(p.Conn, config).Handshake(); err == nil {
		t.Error("the handshake went well")
	}
	log.expect(t, "no such name")
	if own := "(*tlsHandshakes)"; log.lines(own) > 0 {
		t.Errorf("the stack goes on below the program's callback: %s", &log)
	}
	if st := s.Stats(); st.Panics != 1 {
		t.Errorf("%d panics", st.Panics)
	}
	dialTLS(t, s).alive()
}
