package server

import (
	"bufio"
	"crypto/tls"
	"io"
	"net/http"
	"testing"
	"time"
)

// An answer that there are too many connections takes a TLS handshake, which is dear. Beyond a number of them a
// second, further connections are closed before it.
func TestTLS_TooManyCostFewHandshakes(t *testing.T) {
	for name, test := range map[string]struct {
		limits Limits
		status int
		reason Reason
	}{
		"in all":           {Limits{MaxConnections: 1}, http.StatusServiceUnavailable, ReasonConnections},
		"from one address": {Limits{MaxConnectionsPerAddress: 1}, http.StatusTooManyRequests, ReasonAddress},
	} {
		t.Run(name, func(t *testing.T) {
			onceInTime(t, func() bool { return tooManyCostLittle(t, test.limits, test.status, test.reason) })
		})
	}
}

// tooManyCostLittle returns false if the machine was too slow: whoever is told has two seconds.
func tooManyCostLittle(t *testing.T, limits Limits, status int, reason Reason) (inTime bool) {
	s := startTLS(t, &Server{OnMessage: echo, Limits: limits})
	first := dialTLS(t, s)
	began := time.Now()
	p := dialRaw(t, s)
	over := tls.Client(p.Conn, trusting())
	_, _ = io.WriteString(over, with())
	p.Conn, p.r = over, bufio.NewReader(over)
	const late = "HTTP/1.1 408"
	if b, err := p.r.Peek(len(late)); time.Since(began) > 1500*time.Millisecond && (err != nil || string(b) == late) {
		return false
	}
	p.expectRefusal(status)
	p.Close()

	for later := time.Now().Add(time.Hour); s.run.gate.MayAnswerTLS(later); {
		// until nobody else is told
	}
	const flood = 50
	for range flood {
		p := dialRaw(t, s)
		_, _ = p.Write(hello())
		if n, err := p.Read(make([]byte, 1)); n > 0 || err == nil {
			t.Fatal("answered")
		}
	}
	st := s.Stats()
	if st.TLS.Done != 2 || st.Refused[reason] != 1+flood {
		t.Errorf("%d TLS handshakes, refused %v", st.TLS.Done, st.Refused)
	}
	expectAllAccounted(t, st)
	first.alive()
	first.Close()
	s.run.nobody(t)
	dialTLS(t, s).alive()
	return true
}
