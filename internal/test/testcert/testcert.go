// Package testcert has a self-signed certificate for tests and for the reliability bars.
package testcert

import (
	"crypto/ed25519"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"math/big"
	"net"
	"sync"
	"time"
)

// Config returns the configuration of a server, with a certificate for 127.0.0.1 and
// localhost. Every call returns the same one: clone it to change it. The key is an Ed25519
// key. Its signatures use no randomness, so that a simulation's seed replays exactly.
var Config = sync.OnceValue(func() *tls.Config {
	public, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		panic(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotAfter: time.Date(2050, 1, 1, 0, 0, 0, 0, time.UTC),
		DNSNames: []string{"localhost"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, public, private)
	if err != nil {
		panic(err)
	}
	return &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: private}}}
})

// Trusting returns the configuration of a client that trusts the certificate of Config. Every call
// makes a new one.
func Trusting() *tls.Config {
	leaf, err := x509.ParseCertificate(Config().Certificates[0].Certificate[0])
	if err != nil {
		panic(err)
	}
	pool := x509.NewCertPool()
	pool.AddCert(leaf)
	return &tls.Config{RootCAs: pool}
}
