package server

import (
	"bufio"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"
)

// authority signs the certificates of tests.
type authority struct {
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
	pool *x509.CertPool
}

var testAuthority = sync.OnceValue(func() *authority {
	a := &authority{pool: x509.NewCertPool()}
	a.cert, a.key = a.sign("authority", true)
	a.pool.AddCert(a.cert)
	return a
})

// sign makes a certificate, by itself if it is the first.
func (a *authority) sign(name string, isCA bool) (*x509.Certificate, *ecdsa.PrivateKey) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		panic(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: pkix.Name{CommonName: name},
		DNSNames: []string{name}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IsCA: isCA, BasicConstraintsValid: true,
		KeyUsage:    x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}
	parent, signer := a.cert, a.key
	if parent == nil {
		parent, signer = template, key
	}
	der, err := x509.CreateCertificate(rand.Reader, template, parent, &key.PublicKey, signer)
	if err != nil {
		panic(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		panic(err)
	}
	return cert, key
}

// certificate is one for that name and 127.0.0.1.
func certificate(name string) tls.Certificate {
	cert, key := testAuthority().sign(name, false)
	return tls.Certificate{Certificate: [][]byte{cert.Raw}, PrivateKey: key, Leaf: cert}
}

var exampleCertificate = sync.OnceValue(func() tls.Certificate { return certificate("example.com") })

// certificateFiles are of exampleCertificate.
func certificateFiles(t *testing.T) (certFile, keyFile string) {
	t.Helper()
	cert := exampleCertificate()
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
	return write("cert.pem", "CERTIFICATE", cert.Certificate[0]), write("key.pem", "PRIVATE KEY", key)
}

// startTLS is start over TLS, with a certificate for example.com unless the server has
// some.
func startTLS(t testing.TB, s *Server) *Server {
	t.Helper()
	if s.TLSConfig == nil {
		s.TLSConfig = new(tls.Config)
	}
	if s.TLSConfig.Certificates == nil && s.TLSConfig.GetCertificate == nil {
		s.TLSConfig.Certificates = []tls.Certificate{exampleCertificate()}
	}
	return startWith(t, s, func() error { return s.StartTLS("", "") })
}

// trusting is a client's config.
func trusting() *tls.Config {
	return &tls.Config{RootCAs: testAuthority().pool, ServerName: "example.com"}
}

// secured is dialRaw over TLS, with the handshake of TLS done.
func secured(t testing.TB, s *Server, config *tls.Config) *peer {
	t.Helper()
	p := dialRaw(t, s)
	over := tls.Client(p.Conn, config)
	if err := over.Handshake(); err != nil {
		t.Fatal(err)
	}
	p.Conn, p.r = over, bufio.NewReader(over)
	return p
}

// dialTLS is dial over TLS.
func dialTLS(t testing.TB, s *Server, headers ...string) *peer {
	t.Helper()
	p := secured(t, s, trusting())
	p.handshake(headers...)
	return p
}

// versions runs a test with each version of TLS.
func versions(t *testing.T, f func(t *testing.T, version uint16)) {
	for _, v := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		t.Run(tls.VersionName(v), func(t *testing.T) { f(t, v) })
	}
}
