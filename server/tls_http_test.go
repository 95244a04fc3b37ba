package server

import (
	"crypto/tls"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"
)

func TestTLS_HandlerServesRequests(t *testing.T) {
	states := make(chan *tls.ConnectionState, 1)
	s := startTLS(t, &Server{OnMessage: echo, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		states <- r.TLS
		b, _ := io.ReadAll(r.Body)
		_, _ = w.Write(append([]byte("got "), b...))
	})})
	transport := &http.Transport{TLSClientConfig: trusting()}
	defer transport.CloseIdleConnections()
	client := &http.Client{Transport: transport, Timeout: peerPatience}
	body := strings.Repeat("x", 100_000)
	resp, err := client.Post("https://"+s.ListenAddr().String()+"/", "text/plain", strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if got, err := io.ReadAll(resp.Body); err != nil || string(got) != "got "+body {
		t.Errorf("%v, %.20q", err, got)
	}
	if st := receive(t, states); st == nil || st.ServerName != "example.com" {
		t.Errorf("the request's TLS is %+v", st)
	}
	dialTLS(t, s).alive()
}

func TestTLS_RefusalsAreRead(t *testing.T) {
	s := startTLS(t, &Server{Path: "/other"})
	p := secured(t, s, trusting())
	p.send(upgrade + "\r\n")
	p.expectRefusal(http.StatusNotFound)
}

func TestTLS_LateRequestGets408(t *testing.T) {
	parallel(t)
	s := startTLS(t, &Server{Limits: Limits{HandshakeTimeout: 10 * time.Second}})
	p := secured(t, s, trusting())
	p.send("GET /")
	p.expectRefusal(http.StatusRequestTimeout)
}

// The server's own origin is an https one.
func TestTLS_SameOriginIsHTTPS(t *testing.T) {
	s := startTLS(t, &Server{OnMessage: echo})
	dialTLS(t, s, "Origin: https://example.com").alive()
	p := secured(t, s, trusting())
	p.send(upgrade + "Origin: http://example.com\r\n\r\n")
	p.expectRefusal(http.StatusForbidden)
}
