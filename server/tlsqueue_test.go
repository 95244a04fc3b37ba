package server

import (
	"crypto/tls"
	"testing"
	"time"
)

func TestTLS_HandshakesAtOnceAreBounded(t *testing.T) {
	s := startTLS(t, &Server{OnMessage: echo, Loops: 1, Limits: Limits{MaxTLSHandshakes: 1}})
	staller := dialRaw(t, s)
	staller.send(string(hello()))
	if _, err := staller.r.Peek(1); err != nil { // the server's answer
		t.Fatal(err)
	}

	second := dialRaw(t, s)
	over := tls.Client(second.Conn, trusting())
	done := make(chan error, 1)
	go func() { done <- over.Handshake() }()
	eventually(t, "the second to wait", func() bool { return s.Stats().TLS.Waited == 1 })
	select {
	case err := <-done:
		t.Fatalf("the second did not wait: %v", err)
	case <-time.After(50 * time.Millisecond):
	}
	staller.Close()
	if err := receive(t, done); err != nil {
		t.Errorf("the second, once the first has left: %v", err)
	}
}

func TestTLS_StalledHandshakesEnd(t *testing.T) {
	onlyNative(t, "each has a goroutine")
	parallel(t)
	s := startTLS(t, &Server{Loops: 1, Limits: Limits{MaxTLSHandshakes: 1, HandshakeTimeout: 5 * time.Second}})
	before := census(t).goroutines
	for range 3 {
		dialRaw(t, s).send(string(hello()))
	}
	eventually(t, "two to wait", func() bool { return s.Stats().TLS.Waited == 2 })
	if now := census(t).goroutines; now > before+1 {
		t.Errorf("%d goroutines before, %d with three clients", before, now)
	}
	eventually(t, "all to be given up", func() bool { return load(s) == 0 })
	st := s.Stats().Refused
	if st[ReasonTimeout]+st[ReasonTLSBusy] != 3 {
		t.Errorf("counted %v", st)
	}
	expectAllAccounted(t, s.Stats())
	eventually(t, "its goroutine to end", func() bool { return census(t).goroutines <= before })
}

// A ClientHello that comes in pieces has no goroutine before it is whole, and keeps nobody
// waiting.
func TestTLS_HalfAHelloKeepsNobodyWaiting(t *testing.T) {
	onlyNative(t, "each has a goroutine")
	s := startTLS(t, &Server{OnMessage: echo, Loops: 1, Limits: Limits{MaxTLSHandshakes: 1, HandshakeTimeout: time.Minute}})
	before := census(t).goroutines
	whole := hello()
	for n := 1; n < len(whole); n += len(whole) / 10 {
		dialRaw(t, s).send(string(whole[:n]))
	}
	dialRaw(t, s).send("GET")
	dialTLS(t, s).alive()
	eventually(t, "the goroutine of the last one to end", func() bool { return census(t).goroutines <= before })
	if n := s.Stats().TLS.Waited; n != 0 {
		t.Errorf("%d had to wait", n)
	}
	p := dialRaw(t, s)
	p.send(string(whole[:1]))
	p.send(string(whole[1:]))
	if b, err := p.r.Peek(1); err != nil || b[0] != 22 {
		t.Errorf("the answer to one that came in pieces begins with %d, %v", b, err)
	}
}

// A client that says nothing behind its ClientHello loses its turn to clients that wait for one.
func TestTLS_StallersLoseTheirTurn(t *testing.T) {
	parallel(t)
	const timeout = 20 * time.Second
	s := startTLS(t, &Server{OnMessage: echo, Loops: 1, Limits: Limits{MaxTLSHandshakes: 1, HandshakeTimeout: timeout}})
	began := time.Now()
	staller := dialRaw(t, s)
	staller.send(string(hello()))
	if _, err := staller.r.Peek(1); err != nil { // the server's answer
		t.Fatal(err)
	}
	dialTLS(t, s).alive()
	if took := time.Since(began); took >= timeout {
		t.Errorf("it kept the other waiting for all of its time, %v", took)
	}
	if st := s.Stats(); st.Refused[ReasonTimeout] != 1 || st.TLS.Waited != 1 {
		t.Errorf("counted %+v", st)
	}
}

// A handshake that waits only for this side keeps its turn. Clients that wait for their turn meanwhile are
// counted apart from slow ones.
func TestTLS_WorkKeepsItsTurn(t *testing.T) {
	parallel(t)
	const timeout = 5 * time.Second
	release := make(chan struct{})
	s := startTLS(t, &Server{Loops: 1, Limits: Limits{MaxTLSHandshakes: 1, HandshakeTimeout: timeout}, TLSConfig: &tls.Config{
		GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) {
			<-release
			cert := exampleCertificate()
			return &cert, nil
		},
	}})
	began := time.Now()
	dialRaw(t, s).send(string(hello()))
	dialRaw(t, s).send(string(hello()))
	eventually(t, "one to wait", func() bool { return s.Stats().TLS.Waited == 1 })
	time.Sleep(timeout / 2) // more than a fifth
	if st := s.Stats().Refused; len(st) != 0 && time.Since(began) < timeout {
		t.Errorf("refused %v already", st)
	}
	eventually(t, "both to be given up", func() bool { return load(s) == 0 })
	close(release)
	if st := s.Stats().Refused; st[ReasonTimeout] != 1 || st[ReasonTLSBusy] != 1 {
		t.Errorf("counted %v", st)
	}
}
