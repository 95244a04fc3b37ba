package main

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/coder/websocket"
)

// writeCertificate writes a certificate and its key to files, and returns who trusts it.
func writeCertificate(t *testing.T) (certFile, keyFile string, trusting *tls.Config) {
	t.Helper()
	cert, err := selfSigned()
	if err != nil {
		t.Fatal(err)
	}
	key, err := x509.MarshalPKCS8PrivateKey(cert.PrivateKey)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	write := func(name, kind string, der []byte) string {
		file := filepath.Join(dir, name)
		if err := os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600); err != nil {
			t.Fatal(err)
		}
		return file
	}
	pool := x509.NewCertPool()
	leaf, err := x509.ParseCertificate(cert.Certificate[0])
	if err != nil {
		t.Fatal(err)
	}
	pool.AddCert(leaf)
	return write("cert.pem", "CERTIFICATE", cert.Certificate[0]), write("key.pem", "PRIVATE KEY", key), &tls.Config{RootCAs: pool}
}

func TestEchoOverTLS(t *testing.T) {
	certFile, keyFile, trusting := writeCertificate(t)
	for name, test := range map[string]struct {
		flags  []string
		client *tls.Config
	}{
		"files":       {[]string{"--tls-cert=" + certFile, "--tls-key=" + keyFile, "--stream"}, trusting},
		"self-signed": {[]string{"--tls-self-signed", "--goroutines"}, &tls.Config{InsecureSkipVerify: true}},
	} {
		t.Run(name, func(t *testing.T) {
			p := start(t, append([]string{"echo", "--addr=127.0.0.1:0"}, test.flags...)...)
			if !strings.HasPrefix(p.url, "wss://") {
				t.Errorf("the URL is %s", p.url)
			}
			transport := &http.Transport{TLSClientConfig: test.client}
			defer transport.CloseIdleConnections()
			c, _, err := websocket.Dial(within(t), p.url, &websocket.DialOptions{HTTPClient: &http.Client{Transport: transport}})
			if err != nil {
				t.Fatal(err)
			}
			defer c.CloseNow()
			c.SetReadLimit(-1)
			for _, size := range []int{0, 1, 126, 65536, 1 << 20} {
				payload := bytes.Repeat([]byte("x"), size)
				if err := c.Write(within(t), websocket.MessageBinary, payload); err != nil {
					t.Fatalf("%d bytes: %v", size, err)
				}
				if _, got, err := c.Read(within(t)); err != nil || !bytes.Equal(got, payload) {
					t.Fatalf("%d bytes came back as %d, or altered: %v", size, len(got), err)
				}
			}
			c.Close(websocket.StatusNormalClosure, "")
			p.stop(t)
		})
	}
}

// What is wrong with a certificate is said with the names of its flags and files.
func TestEchoNamesTheCertificateThatIsNone(t *testing.T) {
	certFile, keyFile, _ := writeCertificate(t)
	for _, files := range [][2]string{{keyFile, keyFile}, {certFile, certFile}, {certFile, keyFile + ".missing"}} {
		status, stdout, stderr := finish(t, "echo", "--addr=127.0.0.1:0", "--tls-cert="+files[0], "--tls-key="+files[1])
		says := "framerail: --tls-cert " + files[0] + " with --tls-key " + files[1] + ": "
		if status != exitFailed || stdout != "" || !strings.HasPrefix(stderr, says) || strings.Count(stderr, "\n") != 1 {
			t.Errorf("status %d\n%s%s", status, stdout, stderr)
		}
	}
}
