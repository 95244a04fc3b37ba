package main

import (
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"testing"

	"github.com/chromedp/chromedp"
)

// compressedPage has messages echoed over one WebSocket, once run is called, and says in
// its only element what came of it. Each text is the beginning of the next, and is sent
// twice, so that taking context over makes a difference. The selector that tabs wait for must
// not stand in the script: it would be found there, where nothing is visible.
const compressedPage = `<!doctype html><p id="name">ready</p><script>
const out = document.getElementById("name");
const sizes = [0, 1, 125, 126, 511, 4097, 32769, 65536, 300000, 1 << 20];
const prose = Array.from({ length: 30000 }, (_, i) => '{"id":' + i + ',"at":' + (i * 7919) % 9973 + ',"text":"caf\u00e9 \u6f22"},').join("");
function noise(n) {
  const p = new Uint8Array(n);
  for (let at = 0; at < n; at += 65536) crypto.getRandomValues(p.subarray(at, at + 65536));
  return p;
}
function same(a, b) {
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return a.length === b.length;
}
function run(url) {
  const ws = new WebSocket(url);
  let end = "closed too early";
  ws.binaryType = "arraybuffer";
  ws.onclose = e => out.textContent = end + ", closed with " + e.code;
  const exchange = message => new Promise(echo => {
    ws.onmessage = e => echo(e.data);
    ws.send(message);
  });
  ws.onopen = async () => {
    for (const size of sizes) {
      for (let round = 0; round < 2; round++) {
        const text = prose.slice(0, size);
        if (await exchange(text) !== text) end = "text of " + size + " characters altered";
      }
      const b = noise(size);
      if (!same(b, new Uint8Array(await exchange(b)))) end = size + " bytes altered";
    }
    if (end === "closed too early") end = "all came back, agreed on " + (ws.extensions || "nothing");
    ws.close(1000);
  };
  return "";
}
</script>`

// A browser offers compression by itself, and its inflater is nobody's here; nor is its TLS,
// to which one certificate is named as good.
func TestEchoForBrowser(t *testing.T) {
	certFile, keyFile, _ := writeCertificate(t)
	overTLS := []string{"--tls-cert=" + certFile, "--tls-key=" + keyFile}
	page := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		fmt.Fprint(w, compressedPage)
	}))
	defer page.Close()
	b := browser(t, chromedp.Flag("ignore-certificate-errors-spki-list", fingerprint(t, certFile)))(page.URL)
	const alone = "; server_no_context_takeover; client_no_context_takeover"
	for _, tc := range []struct {
		flags  []string
		agreed string
	}{
		{nil, "nothing"},
		{[]string{"--deflate=takeover"}, "permessage-deflate"},
		{[]string{"--deflate=takeover", "--stream"}, "permessage-deflate"},
		{[]string{"--deflate=takeover", "--window-bits=8"}, "permessage-deflate; server_max_window_bits=8; client_max_window_bits=8"},
		{[]string{"--deflate=takeover", "--window-bits=12"}, "permessage-deflate; server_max_window_bits=12; client_max_window_bits=12"},
		{[]string{"--deflate=alone", "--goroutines"}, "permessage-deflate" + alone},
		{overTLS, "nothing"},
		{append(overTLS, "--deflate=takeover"), "permessage-deflate"},
	} {
		t.Run(fmt.Sprint(tc.flags), func(t *testing.T) {
			p := start(t, append([]string{"echo", "--addr=127.0.0.1:0"}, tc.flags...)...)
			b.T = t
			b.Eval(fmt.Sprintf("out.textContent = run(%q)", p.url))
			b.Until(`out.textContent`, "all came back, agreed on "+tc.agreed+", closed with 1000")
			p.stop(t)
		})
	}
	t.Run("a certificate that is not trusted", func(t *testing.T) {
		p := start(t, "echo", "--addr=127.0.0.1:0", "--tls-self-signed")
		b.T = t
		b.Eval(fmt.Sprintf("out.textContent = run(%q)", p.url))
		b.Until(`out.textContent`, "closed too early, closed with 1006")
		p.stop(t)
	})
}

// fingerprint is what Chromium knows a certificate's key by.
func fingerprint(t *testing.T, certFile string) string {
	t.Helper()
	text, err := os.ReadFile(certFile)
	if err != nil {
		t.Fatal(err)
	}
	block, _ := pem.Decode(text)
	cert, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256(cert.RawSubjectPublicKeyInfo)
	return base64.StdEncoding.EncodeToString(sum[:])
}
