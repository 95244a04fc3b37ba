package main

import (
	"bytes"
	"net"
	"net/http"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"

	"github.com/framerail/framerail/cmd/examples/internal/exampletest"
)

func TestMain(m *testing.M) { exampletest.Main(m, main) }

func TestMessagesPassBothWays(t *testing.T) {
	_, wsURL := proxied(t)
	c := exampletest.Dial(t, wsURL, nil)
	exampletest.Expect(t, c, "you are 127.0.0.1")
	for _, size := range []int{0, 1, 126, 65536, 256 << 10} {
		payload := bytes.Repeat([]byte("0123456789abcdef-"), size/17+1)[:size]
		for _, typ := range []websocket.MessageType{websocket.MessageText, websocket.MessageBinary} {
			if err := c.Write(exampletest.Within(t), typ, payload); err != nil {
				t.Fatalf("%d bytes: %v", size, err)
			}
			gotType, got, err := c.Read(exampletest.Within(t))
			if err != nil || gotType != typ || !bytes.Equal(got, payload) {
				t.Fatalf("%v of %d bytes came back as %v of %d bytes, or altered: %v", typ, size, gotType, len(got), err)
			}
		}
	}
}

func TestPingIsAnswered(t *testing.T) {
	_, wsURL := proxied(t)
	c := exampletest.Dial(t, wsURL, nil)
	exampletest.Expect(t, c, "you are 127.0.0.1")
	c.CloseRead(exampletest.Within(t)) // someone has to read the pong
	if err := c.Ping(exampletest.Within(t)); err != nil {
		t.Error(err)
	}
}

func TestCloseCodesPassBothWays(t *testing.T) {
	p, wsURL := proxied(t)
	leaving, staying := exampletest.Dial(t, wsURL, nil), exampletest.Dial(t, wsURL, nil)
	if err := leaving.Close(4001, "enough"); err != nil {
		t.Error(err)
	}
	p.Signal(t)
	exampletest.ExpectClose(t, staying, websocket.StatusGoingAway)
	log := p.End(t)
	for _, line := range []string{
		`closed by peer, sent 4001, received 4001, reason "enough"`,
		`closed by local, sent 1001 (Going Away), received 1001 (Going Away)`,
	} {
		if !strings.Contains(log, line) {
			t.Errorf("the log has no line with %q:\n%s", line, log)
		}
	}
}

// What a client claims to be is not what it is taken for.
func TestClientAddressIsWhatNginxTells(t *testing.T) {
	_, wsURL := proxied(t)
	const addr = "127.0.0.9" // another than nginx's
	dialer := &net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(addr)}}
	transport := &http.Transport{DialContext: dialer.DialContext}
	defer transport.CloseIdleConnections()
	for _, claims := range []http.Header{nil, {"X-Forwarded-For": {"203.0.113.7"}}, {"X-Forwarded-For": {"203.0.113.7, 127.0.0.1"}}} {
		c := exampletest.Dial(t, wsURL, &websocket.DialOptions{HTTPClient: &http.Client{Transport: transport}, HTTPHeader: claims})
		exampletest.Expect(t, c, "you are "+addr)
	}
}

// Host is passed on with its port, or no page of the site could connect, and so is the
// scheme: over TLS, which ends at nginx, a page that did not come by it is another's.
func TestOriginRuleHoldsBehindNginx(t *testing.T) {
	p, plain := proxied(t)
	secure, trusting := startSecureNginx(t, p.URL)
	transport := &http.Transport{TLSClientConfig: trusting}
	defer transport.CloseIdleConnections()
	for _, tc := range []struct {
		url, origin string
		want        int
	}{
		{plain, originOf(plain), http.StatusSwitchingProtocols},
		{plain, "http://elsewhere.example", http.StatusForbidden},
		{secure, originOf(secure), http.StatusSwitchingProtocols},
		{secure, strings.Replace(originOf(secure), "https", "http", 1), http.StatusForbidden},
	} {
		c, answer, err := websocket.Dial(exampletest.Within(t), tc.url, &websocket.DialOptions{
			HTTPClient: &http.Client{Transport: transport}, HTTPHeader: http.Header{"Origin": {tc.origin}}})
		if answer == nil || answer.StatusCode != tc.want {
			t.Errorf("a page of %s at %s got %v, %v; want status %d", tc.origin, tc.url, answer, err, tc.want)
		}
		if err == nil {
			exampletest.Expect(t, c, "you are 127.0.0.1")
			_ = c.CloseNow()
		}
	}
}

func TestRequestThatIsNoHandshakeIsAnswered(t *testing.T) {
	_, wsURL := proxied(t)
	answer, err := http.Get(originOf(wsURL) + "/ws")
	if err != nil {
		t.Fatal(err)
	}
	answer.Body.Close()
	if answer.StatusCode != http.StatusUpgradeRequired {
		t.Errorf("got %s, want 426", answer.Status)
	}
}

// A connection on which nothing is said is pinged before nginx cuts it, and given up by the
// server before nginx does.
func TestNginxIsMorePatientThanTheServer(t *testing.T) {
	conf, err := os.ReadFile("nginx.conf")
	if err != nil {
		t.Fatal(err)
	}
	found := regexp.MustCompile(`proxy_(?:read|send)_timeout (\w+);`).FindAllSubmatch(conf, -1)
	if len(found) != 2 {
		t.Fatalf("found %d timeouts", len(found))
	}
	const idleTimeout = 120 * time.Second // conn.Limits.IdleTimeout's default
	for _, match := range found {
		if d, err := time.ParseDuration(string(match[1])); err != nil || d <= idleTimeout {
			t.Errorf("%s, %v; want more than %v", match[0], err, idleTimeout)
		}
	}
}
