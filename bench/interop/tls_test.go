package interop

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"math/big"
	"net/http"
	"sync"
	"time"

	"github.com/framerail/framerail/conn"
	"github.com/framerail/framerail/server"
)

// overTLS is the loop's mode over TLS.
var overTLS = mode{name: "tls", take: func(s *server.Server, whole func(*conn.Conn, conn.Message), _ func(*conn.Conn, *conn.Reader)) {
	s.OnMessage = whole
	s.MaxPending = 2 * maxMessage
	s.TLSConfig = serverTLS()
}}

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
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		panic(err)
	}
	return &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}}
})

// clientTLS is every client's: the certificate is made for the run.
func clientTLS() *tls.Config { return &tls.Config{InsecureSkipVerify: true} }

// clientHTTP is for the clients that dial through net/http.
var clientHTTP = sync.OnceValue(func() *http.Client {
	return &http.Client{Transport: &http.Transport{TLSClientConfig: clientTLS()}}
})
