package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"fmt"
	"math/big"
	"net"
	"time"
)

// tlsFlags are the flags of commands that serve over TLS.
type tlsFlags struct {
	Cert       string `name:"tls-cert" placeholder:"FILE" help:"Serve over TLS with the certificate in this PEM file, which those of its issuers may follow."`
	Key        string `name:"tls-key" placeholder:"FILE" help:"The key of --tls-cert, in PEM."`
	SelfSigned bool   `name:"tls-self-signed" help:"Serve over TLS with a certificate made now, for this machine, that nobody trusts: for trying."`
}

// Validate is called once the flags are parsed.
func (f *tlsFlags) Validate() error {
	switch {
	case (f.Cert == "") != (f.Key == ""):
		return errors.New("--tls-cert and --tls-key go together")
	case f.SelfSigned && f.Cert != "":
		return errors.New("--tls-self-signed and --tls-cert exclude each other")
	}
	return nil
}

// enabled tells whether to serve over TLS.
func (f *tlsFlags) enabled() bool { return f.SelfSigned || f.Cert != "" }

// config is the server's.
func (f *tlsFlags) config() (*tls.Config, error) {
	read := selfSigned
	if !f.SelfSigned {
		read = f.load
	}
	cert, err := read()
	if err != nil {
		return nil, err
	}
	return &tls.Config{Certificates: []tls.Certificate{cert}}, nil
}

// load reads the two files.
func (f *tlsFlags) load() (tls.Certificate, error) {
	cert, err := tls.LoadX509KeyPair(f.Cert, f.Key)
	if err != nil { // crypto/tls names a file only if it is not there
		err = fmt.Errorf("--tls-cert %s with --tls-key %s: %w", f.Cert, f.Key, err)
	}
	return cert, err
}

// selfSignedLife is how long such a certificate is good for.
const selfSignedLife = 30 * 24 * time.Hour

// selfSigned makes a certificate for the names of the machine itself.
func selfSigned() (cert tls.Certificate, err error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return cert, err
	}
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 127))
	if err != nil {
		return cert, err
	}
	now := time.Now()
	template := &x509.Certificate{
		SerialNumber: serial, Subject: pkix.Name{CommonName: "framerail, self-signed"},
		DNSNames: []string{"localhost"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1), net.IPv6loopback},
		NotBefore: now.Add(-time.Hour), NotAfter: now.Add(selfSignedLife),
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		return cert, err
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, nil
}
