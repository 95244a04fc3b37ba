package servertest_test

import (
	"crypto/ed25519"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"io"
	"math/big"
	"sync"
	"testing"
	"time"

	"github.com/framerail/framerail/conn"
	"github.com/framerail/framerail/server"
	"github.com/framerail/framerail/server/servertest"
)

var certificate = sync.OnceValue(func() *tls.Config {
	public, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		panic(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Date(2050, 1, 1, 0, 0, 0, 0, time.UTC)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, public, private)
	if err != nil {
		panic(err)
	}
	return &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: private}}}
})

func TestSim_TLS(t *testing.T) {
	sim := servertest.New(1, &server.Server{
		TLSConfig: certificate(),
		OnMessage: func(c *conn.Conn, m conn.Message) { _ = c.Send(m.Type, m.Payload) },
	})
	c := sim.Dial("/")
	c.SendText("hello")
	sim.Settle()
	if m, ok := c.Next(); !ok || m.String() != "hello" {
		t.Errorf("got %q, %v", m.Payload, ok)
	}
	plain := sim.DialWith(servertest.Request{Plain: true})
	sim.Settle()
	if r := plain.Response(); r == nil || r.StatusCode != 400 {
		t.Errorf("a client that speaks no TLS got %+v", r)
	}
	c.Close(1000, "")
	sim.Advance(time.Minute)
	if c.End() != io.EOF {
		t.Errorf("the end: %v", c.End())
	}
	if err := sim.Close(); err != nil {
		t.Error(err)
	}
}
