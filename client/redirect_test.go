package client

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/framerail/framerail/internal/test/testcert"
	"github.com/framerail/framerail/server"
)

// redirectTo answers with a redirect.
func redirectTo(location string, status int) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Location", location)
		w.WriteHeader(status)
	}
}

// Redirects are not followed by default: the answer is a refusal.
func TestRedirect_OffByDefault(t *testing.T) {
	url := serveHTTP(t, redirectTo("/elsewhere", 302))
	if e := refused(t, closed(t, new(Client)), url); e.Status != 302 || e.Header.Get("Location") != "/elsewhere" {
		t.Errorf("%v, %v", e, e.Header)
	}
}

// A redirect is followed to ws and http, and the request has a key of its own.
func TestRedirect_Followed(t *testing.T) {
	keys := make(chan string, 10)
	srv := &server.Server{Check: func(h *server.Handshake) error {
		keys <- h.Request.Header.Get("Sec-Websocket-Key")
		return nil
	}}
	end := start(t, srv, false)
	for _, location := range []string{end + "/x", "http" + end[2:] + "/x#part"} {
		for _, status := range []int{301, 302, 303, 307, 308} {
			in := newInbox()
			c := closed(t, in.in(&Client{MaxRedirects: 1}))
			url := serveHTTP(t, func(w http.ResponseWriter, r *http.Request) {
				keys <- r.Header.Get("Sec-Websocket-Key")
				redirectTo(location, status)(w, r)
			})
			nc := mustDial(t, c, url)
			checkEcho(t, nc, in)
			if first, second := <-keys, <-keys; first == second {
				t.Errorf("%d to %s: key %q twice", status, location, first)
			}
		}
	}
}

func TestRedirect_NoMoreThanAllowed(t *testing.T) {
	var n atomic.Int64
	url := serveHTTP(t, func(w http.ResponseWriter, r *http.Request) {
		n.Add(1)
		redirectTo("/again", 302)(w, r)
	})
	_, err := closed(t, &Client{MaxRedirects: 3}).Dial(soon(t), url)
	if err == nil || !strings.Contains(err.Error(), "more than 3 redirects") || n.Load() != 4 {
		t.Errorf("%v after %d requests", err, n.Load())
	}
}

func TestRedirect_NeverToLessSecurity(t *testing.T) {
	end := start(t, new(server.Server), false)
	for _, location := range []string{end, "http" + end[2:]} {
		s := httptest.NewUnstartedServer(redirectTo(location, 307))
		s.TLS = testcert.Config().Clone()
		s.StartTLS()
		defer s.Close()
		_, err := closed(t, &Client{MaxRedirects: 3, TLSConfig: trust(t)}).Dial(soon(t), "wss"+s.URL[len("https"):])
		if !errors.Is(err, errInsecureRedirect) {
			t.Errorf("to %s: %v", location, err)
		}
	}
	url := serveHTTP(t, redirectTo("ftp://host/", 307))
	if _, err := closed(t, &Client{MaxRedirects: 3}).Dial(soon(t), url); err == nil || !strings.Contains(err.Error(), "neither ws nor wss") {
		t.Error(err)
	}
}

// What is secret stays with the host that it is meant for. A port is another host.
func TestRedirect_SecretsStay(t *testing.T) {
	headers := make(chan http.Header, 1)
	note := func(_ http.ResponseWriter, r *http.Request) { headers <- r.Header }
	other := serveHTTP(t, note)
	for name, tc := range map[string]struct {
		location string
		sent     bool
	}{
		"another host": {strings.Replace(other, "127.0.0.1", "localhost", 1), false},
		"another port": {other, false},
		"the same":     {"/x", true},
	} {
		t.Run(name, func(t *testing.T) {
			url := serveHTTP(t, func(w http.ResponseWriter, r *http.Request) {
				if r.URL.Path == "/x" {
					note(w, r)
					return
				}
				redirectTo(tc.location, 302)(w, r)
			})
			c := closed(t, &Client{MaxRedirects: 1, Header: http.Header{"authorization": {"Bearer t"}, "cookie": {"a=b"}, "X-Other": {"1"}}})
			refused(t, c, url+"/?token=t")
			last := <-headers
			if got := last.Get("Authorization") != ""; got != tc.sent {
				t.Errorf("Authorization sent: %v", got)
			}
			if got := last.Get("Cookie") != ""; got != tc.sent {
				t.Errorf("Cookie sent: %v", got)
			}
			if last.Get("Referer") != "" && !tc.sent || last.Get("X-Other") != "1" {
				t.Errorf("%v", last)
			}
		})
	}
}

func TestSameHost(t *testing.T) {
	for pair, want := range map[[2]string]bool{
		{"http://a/", "http://a:80/x"}: true, {"http://a/", "https://a/"}: true, {"https://a/", "https://a:443/"}: true,
		{"http://a:80/", "https://a:443/"}: false, {"http://a/", "http://b/"}: false, {"http://a/", "http://b.a/"}: false, {"http://a:1/", "http://a:2/"}: false,
	} {
		from, to := request(t, pair[0]).URL, request(t, pair[1]).URL
		if sameHost(from, to) != want {
			t.Errorf("%v: %v", pair, !want)
		}
	}
}
