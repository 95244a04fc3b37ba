package peers

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"math/big"
	"net"
	"sync"
	"time"

	"github.com/framerail/framerail/server"
)

// Secure returns servers over TLS, framerail first: each as in All, the others behind
// a listener of crypto/tls, all with the same certificate. The slice is the caller's.
func Secure() []Peer {
	return []Peer{
		{"framerail-tls", moduleFramerail, newFramerailTLS, false, true},
		{"gws-tls", moduleGWS, func() Server { return behindTLS{newGWS()} }, false, true},
		{"gorilla-tls", moduleGorilla, func() Server { return behindTLS{newGorilla()} }, false, true},
	}
}

// framerailTLS is framerail with TLS of its own.
type framerailTLS struct{ *framerail }

func newFramerailTLS() Server {
	s := newFramerail().(*framerail)
	s.TLSConfig = selfSigned()
	return framerailTLS{s}
}

func (s framerailTLS) Serve(ln net.Listener) error {
	err := s.ServeTLS(ln, "", "")
	if errors.Is(err, server.ErrServerClosed) {
		return nil
	}
	return err
}

// behindTLS is a server that is given connections of crypto/tls.
type behindTLS struct{ Server }

func (s behindTLS) Serve(ln net.Listener) error {
	return s.Server.Serve(tls.NewListener(ln, selfSigned()))
}

// selfSigned is a server's config with a certificate of its own, ECDSA on P-256.
var selfSigned = sync.OnceValue(func() *tls.Config {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		panic(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		panic(err)
	}
	return &tls.Config{
		Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}},
		NextProtos:   []string{"http/1.1"},
	}
})
