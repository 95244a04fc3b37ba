package main

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"net"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/framerail/framerail/cmd/examples/internal/exampletest"
	"github.com/framerail/framerail/internal/test/missing"
	"github.com/framerail/framerail/internal/test/testcert"
)

// startNginx runs nginx with the nginx.conf of this folder, but for the two addresses in it,
// before the server at target, until the test ends. It returns where clients connect.
func startNginx(t *testing.T, target string) (wsURL string) {
	t.Helper()
	return "ws://" + runNginx(t, target, "") + "/ws"
}

// startSecureNginx is startNginx over TLS; trusting is for clients.
func startSecureNginx(t *testing.T, target string) (wsURL string, trusting *tls.Config) {
	t.Helper()
	cert := testcert.Config().Certificates[0]
	key, err := x509.MarshalPKCS8PrivateKey(cert.PrivateKey)
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "both.pem")
	both := append(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: cert.Certificate[0]}),
		pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: key})...)
	if err := os.WriteFile(file, both, 0o600); err != nil {
		t.Fatal(err)
	}
	trusting = &tls.Config{RootCAs: x509.NewCertPool()}
	leaf, err := x509.ParseCertificate(cert.Certificate[0])
	if err != nil {
		t.Fatal(err)
	}
	trusting.RootCAs.AddCert(leaf)
	addr := runNginx(t, target, fmt.Sprintf(" ssl; ssl_certificate %s; ssl_certificate_key %[1]s", file))
	return "wss://" + addr + "/ws", trusting
}

// runNginx runs nginx with more parameters of listen, and returns its address.
func runNginx(t *testing.T, target, listen string) (addr string) {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	socket, err := ln.(*net.TCPListener).File()
	if err != nil {
		t.Fatal(err)
	}
	defer socket.Close()
	dir := t.TempDir()
	conf := filepath.Join(dir, "nginx.conf")
	if err := os.WriteFile(conf, configured(t, ln.Addr().String()+listen, target), 0o600); err != nil {
		t.Fatal(err)
	}

	cmd := exec.Command(needNginx(t), "-p", dir, "-c", conf, "-g", "daemon off;")
	// The listening socket is handed over as one nginx does to its successor: no other
	// program can take the port, and clients may connect at once.
	cmd.ExtraFiles = []*os.File{socket}
	cmd.Env = append(os.Environ(), "NGINX=3;")
	var log bytes.Buffer
	cmd.Stderr = &log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		// SIGTERM has the master end its workers; killed, it would leave them behind.
		_ = cmd.Process.Signal(syscall.SIGTERM)
		kill := time.AfterFunc(exampletest.Patience, func() { _ = cmd.Process.Kill() })
		defer kill.Stop()
		if err := cmd.Wait(); err != nil || t.Failed() {
			t.Logf("nginx: %v\n%s", err, log.String())
		}
	})
	return ln.Addr().String()
}

// configured is nginx.conf with these parameters of listen, and the server's address.
func configured(t *testing.T, listen, target string) []byte {
	t.Helper()
	conf, err := os.ReadFile("nginx.conf")
	if err != nil {
		t.Fatal(err)
	}
	u, err := url.Parse(target)
	if err != nil {
		t.Fatal(err)
	}
	for from, to := range map[string]string{"listen 127.0.0.1:8081;": "listen " + listen + ";", "server 127.0.0.1:8080;": "server " + u.Host + ";"} {
		if bytes.Count(conf, []byte(from)) != 1 {
			t.Fatalf("%q does not stand once in nginx.conf", from)
		}
		conf = bytes.Replace(conf, []byte(from), []byte(to), 1)
	}
	return conf
}

// needNginx is the path of nginx. Without one the test is skipped, but for CI, where it has
// to be there.
func needNginx(t *testing.T) string {
	t.Helper()
	for _, name := range []string{"nginx", "/usr/sbin/nginx"} { // where Debian has it, often in no user's PATH
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	missing.End(t, "no nginx on this machine: install the package nginx to run this test")
	return ""
}

// proxied starts both.
func proxied(t *testing.T) (p *exampletest.Program, wsURL string) {
	t.Helper()
	needNginx(t)
	p = exampletest.Start(t)
	return p, startNginx(t, p.URL)
}

// originOf is the origin of a page that the site at wsURL serves.
func originOf(wsURL string) string {
	return "http" + strings.TrimSuffix(strings.TrimPrefix(wsURL, "ws"), "/ws")
}
