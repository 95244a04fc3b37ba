package phase

import (
	"bytes"
	"crypto/tls"
	"io"
	"net"
	"testing"
	"time"

	"github.com/framerail/framerail/internal/test/testcert"
)

// recorder is a net.Conn that keeps what is written to it.
type recorder struct {
	net.Conn
	bytes.Buffer
}

func (r *recorder) Write(b []byte) (int, error) { return r.Buffer.Write(b) }
func (*recorder) Read([]byte) (int, error)      { return 0, io.EOF }
func (*recorder) Close() error                  { return nil }

// hello is the first record of a client.
func hello() []byte {
	var r recorder
	_ = tls.Client(&r, &tls.Config{InsecureSkipVerify: true}).Handshake()
	return r.Bytes()
}

// Clients that come and go while nobody gets a turn are not remembered.
func TestTLS_QueueIsBoundedByClientsThatAreThere(t *testing.T) {
	release := make(chan struct{})
	config := &tls.Config{GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) {
		<-release
		return &testcert.Config().Certificates[0], nil
	}}
	w := new(owner)
	policy := ample
	policy.HandshakeTimeout = 200 * time.Millisecond
	l := serving(t, w, policy)
	defer close(release)
	whole := hello()
	arrive(t, l, config, whole)
	const rounds, each = 5, 20
	for i := range rounds {
		for range each {
			arrive(t, l, config, whole)
		}
		eventually(t, "all to wait", func() bool { return l.Counters.TLSWaited.Load() == uint64(i+1)*each })
		eventually(t, "all to be given up", func() bool { return l.Load() == 0 })
	}
	queued := make(chan int, 1)
	l.Ask(func() { queued <- len(l.tls.queue) })
	if n := <-queued; n > 3*each {
		t.Errorf("%d are in the queue, of which none is there", n)
	}
	if busy, late := w.refused[TLSBusy].Load(), w.refused[Timeout].Load(); busy != rounds*each || late != 1 {
		t.Errorf("%d are reported as busy, and %d as late", busy, late)
	}
}
