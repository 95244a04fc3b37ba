package interop

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/framerail/framerail/conn"
	"github.com/framerail/framerail/server"
)

// overTLS is the loop's mode over TLS.
var overTLS = mode{name: "tls", take: func(s *server.Server, whole func(*conn.Conn, conn.Message), _ func(*conn.Conn, *conn.Reader)) {
	s.OnMessage = whole
	s.MaxPending = 2 * maxMessage
	s.TLSConfig = serverTLS()
	s.HandshakeTimeout = patience // a thousand clients of one process all begin at once
}}

// eachAndTLS runs a test over every mode, and over TLS.
func eachAndTLS(t *testing.T, f func(t *testing.T, m mode)) {
	each(t, f)
	t.Run(overTLS.name, func(t *testing.T) { f(t, overTLS) })
}

// startServer starts a server, over TLS if it has a config.
func startServer(s *server.Server) (scheme string, err error) {
	if s.TLSConfig != nil {
		return "wss", s.StartTLS("", "")
	}
	return "ws", s.Start()
}

var serverTLS = sync.OnceValue(func() *tls.Config {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		panic(err)
	}
	// Clients other than Go's look closely at who vouches for a certificate: it is itself.
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		Subject: pkix.Name{CommonName: "framerail"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		panic(err)
	}
	return &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}}
})

// certificateFile is a file, in PEM, with what a client is to trust.
func certificateFile(t *testing.T) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "cert.pem")
	block := &pem.Block{Type: "CERTIFICATE", Bytes: serverTLS().Certificates[0].Certificate[0]}
	if err := os.WriteFile(name, pem.EncodeToMemory(block), 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

// clientTLS is for the clients in Go: the certificate is made for the run.
func clientTLS() *tls.Config { return &tls.Config{InsecureSkipVerify: true} }

// clientHTTP is for the clients that dial through net/http.
var clientHTTP = sync.OnceValue(func() *http.Client {
	return &http.Client{Transport: &http.Transport{TLSClientConfig: clientTLS()}}
})
