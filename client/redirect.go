package client

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"

	"github.com/framerail/framerail/internal/handshake"
)

// errInsecureRedirect is the error of a redirect from wss to ws.
var errInsecureRedirect = errors.New("framerail: the server redirects from wss to ws")

// checkRedirect decides about a redirect, as http.Client asks.
func (r *running) checkRedirect(req *http.Request, via []*http.Request) error {
	switch {
	case r.maxRedirects == 0:
		return http.ErrUseLastResponse
	case len(via) > r.maxRedirects:
		return fmt.Errorf("framerail: more than %d redirects", r.maxRedirects)
	}
	scheme := httpScheme(req.URL.Scheme)
	if scheme == "" {
		return checkURL(req.URL)
	}
	req.URL.Scheme = scheme
	req.URL.Fragment, req.URL.RawFragment = "", ""
	if scheme == "http" && via[len(via)-1].URL.Scheme == "https" {
		return errInsecureRedirect
	}
	if !sameHost(via[0].URL, req.URL) {
		for _, name := range [...]string{"Authorization", "Cookie", "Referer"} {
			req.Header.Del(name) // cookies of the jar for that host come later
		}
	}
	// RFC 6455 4.1, 7: the key is drawn anew for each connection.
	offer := &attemptOf(req.Context()).offer
	offer.Key = handshake.NewKey()
	offer.SetHeader(req.Header, r.extensions)
	return nil
}

// sameHost reports whether two URLs lead to the same host and port, or from the standard port for ws
// to that for wss.
func sameHost(from, to *url.URL) bool {
	standard := from.Port() == "" && to.Port() == ""
	return from.Hostname() == to.Hostname() && (standard || portOf(from) == portOf(to))
}

func portOf(u *url.URL) string {
	switch port := u.Port(); {
	case port != "":
		return port
	case u.Scheme == "https":
		return "443"
	}
	return "80"
}
