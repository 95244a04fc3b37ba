package redis

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"os"
	"path/filepath"
	"testing"

	"github.com/redis/rueidis"

	"github.com/framerail/framerail/internal/test/testcert"
	"github.com/framerail/framerail/topics"
)

func TestRun_OverTLS(t *testing.T) {
	dir := t.TempDir()
	pair := testcert.Config().Certificates[0]
	key, err := x509.MarshalPKCS8PrivateKey(pair.PrivateKey)
	if err != nil {
		t.Fatal(err)
	}
	cert, private := filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	for path, block := range map[string]*pem.Block{
		cert:    {Type: "CERTIFICATE", Bytes: pair.Certificate[0]},
		private: {Type: "PRIVATE KEY", Bytes: key},
	} {
		if err := os.WriteFile(path, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	port := freePort(t)
	startServer(t, "--bind", "127.0.0.1", "--tls-port", port, "--tls-cert-file", cert, "--tls-key-file", private,
		"--tls-ca-cert-file", cert, "--tls-auth-clients", "no")

	client := rueidis.ClientOption{InitAddress: []string{"127.0.0.1:" + port}, TLSConfig: testcert.Trusting(), ConnWriteTimeout: patience}
	n := run(t, &Broker{Client: client})
	n.interest("a")
	n.publish("a", topics.History{Messages: 1}, "1")
	n.expect("a 1")
	n.cancel()
	n.end()

	client.TLSConfig = &tls.Config{} // which does not know the certificate
	if err := (&Broker{Client: client}).Run(t.Context(), n); err == nil {
		t.Error("connected to a server that may be another")
	}
}
