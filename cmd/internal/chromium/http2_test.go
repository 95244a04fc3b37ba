package chromium_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"fmt"
	"io"
	"log/slog"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"github.com/framerail/framerail/cmd/internal/chromium"
	"github.com/framerail/framerail/conn"
	"github.com/framerail/framerail/server"
	_ "github.com/framerail/framerail/server/xconnect"
)

// manyPage opens fifty WebSockets beside ordinary requests. Its only element says what came of it.
const manyPage = `<!doctype html><p id="out">wait</p><script>
const sockets = 50, messages = 20, requests = 40;
const long = "x".repeat(30000);
function talk(i) {
  return new Promise((done, failed) => {
    const ws = new WebSocket("wss://" + location.host + "/ws", ["chat"]);
    let n = 0;
    ws.onopen = () => ws.send(i + "." + n + long);
    ws.onmessage = e => {
      if (e.data !== i + "." + n + long) failed("message " + n + " of " + i + " is altered");
      else if (++n < messages) ws.send(i + "." + n + long);
      else ws.close(1000, "done");
    };
    ws.onclose = e => e.code === 1000 && e.wasClean && ws.protocol === "chat" ? done(n) : failed("socket " + i + " is closed with " + e.code);
  });
}
async function run() {
  const all = [];
  for (let i = 0; i < sockets; i++) all.push(talk(i));
  for (let i = 0; i < requests; i++) all.push(fetch("/plain?" + i).then(r => r.text()).then(s => {
    if (s !== "HTTP/2.0") throw "a request came over " + s;
    return 0;
  }));
  const counts = await Promise.all(all);
  return counts.reduce((a, b) => a + b) + " echoes";
}
run().then(s => out.textContent = s, e => out.textContent = "failed: " + e);
</script>`

// seen counts requests by what they came over, and the connections that they came by.
type seen struct {
	mu    sync.Mutex
	over  map[string]int // of WebSockets
	conns map[string]bool
}

func (s *seen) note(r *http.Request, webSocket bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.conns[r.RemoteAddr] = true
	if webSocket {
		s.over[r.Method+" "+r.Proto]++
	}
}

// certificate is one that Chromium can use, which has no Ed25519, and its fingerprint.
func certificate(t *testing.T) (tls.Certificate, string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256(leaf.RawSubjectPublicKeyInfo)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, base64.StdEncoding.EncodeToString(sum[:])
}

// A browser opens its WebSockets on the HTTP/2 connection that it has, beside its requests (RFC 8441).
func TestBrowser_OpensWebSocketsOverHTTP2(t *testing.T) {
	s := &seen{over: map[string]int{}, conns: map[string]bool{}}
	ws := &server.Server{
		Logger: slog.New(slog.DiscardHandler), Subprotocols: []string{"chat"}, Deflate: server.Deflate{Enabled: true},
		OnMessage: func(c *conn.Conn, m conn.Message) { _ = c.SendMessage(m) },
	}
	mux := http.NewServeMux()
	mux.HandleFunc("/ws", func(w http.ResponseWriter, r *http.Request) {
		s.note(r, true)
		_ = ws.Upgrade(w, r, nil)
	})
	mux.HandleFunc("/plain", func(w http.ResponseWriter, r *http.Request) {
		s.note(r, false)
		_, _ = io.WriteString(w, r.Proto)
	})
	mux.HandleFunc("/{$}", func(w http.ResponseWriter, r *http.Request) {
		s.note(r, false)
		w.Header().Set("Content-Type", "text/html")
		_, _ = io.WriteString(w, manyPage)
	})
	web := httptest.NewUnstartedServer(mux)
	cert, print := certificate(t)
	web.TLS, web.EnableHTTP2 = &tls.Config{Certificates: []tls.Certificate{cert}}, true
	web.StartTLS()
	defer web.Close()
	defer ws.Close() // first: web waits for its handlers

	ctx := chromium.Start(t, 8*time.Minute, chromedp.Flag("ignore-certificate-errors-spki-list", print))
	var said string
	if err := chromedp.Do(ctx, chromedp.Navigate(web.URL)); err != nil {
		t.Fatal(err)
	}
	for said = "wait"; said == "wait"; time.Sleep(20 * time.Millisecond) {
		var err error
		if said, err = chromedp.Run(ctx, chromedp.Evaluate[string](`document.querySelector("#out").textContent`)); err != nil {
			t.Fatal(err)
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if said != "1000 echoes" || s.over["CONNECT HTTP/2.0"] != 50 || len(s.over) != 1 || len(s.conns) != 1 {
		t.Errorf("the page says %q; WebSockets %s; %d connections", said, fmt.Sprint(s.over), len(s.conns))
	}
	if drained, err := ws.Shutdown(t.Context()); err != nil || drained.Forced > 0 {
		t.Errorf("%+v, %v", drained, err)
	}
	if st := ws.Stats(); st.Opened != 50 || st.Causes[server.CauseClean] != 50 {
		t.Errorf("%d opened, closed by %v", st.Opened, st.Causes)
	}
}
