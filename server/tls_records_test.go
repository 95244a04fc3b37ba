package server

import (
	"bufio"
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/sha256"
	"crypto/tls"
	"encoding/binary"
	"encoding/hex"
	"net"
	"strings"
	"testing"
)

// sealer makes the records of a TLS 1.3 client by itself (RFC 8446 5.2), which package
// crypto/tls lets nobody do: what it sends need not be right.
type sealer struct {
	*peer
	under  net.Conn
	secret []byte
	aead   cipher.AEAD
	iv     []byte
	seq    uint64
}

const (
	recordAlert     = 21
	recordHandshake = 22
	recordData      = 23
)

// dialSealer is a peer whose TLS handshake is done, with a suite whose hash is SHA-256.
func dialSealer(t testing.TB, s *Server) *sealer {
	t.Helper()
	return newSealer(t, dialRaw(t, s))
}

// newSealer does the TLS handshake of a peer.
func newSealer(t testing.TB, p *peer) *sealer {
	t.Helper()
	var keys bytes.Buffer
	config := trusting()
	config.KeyLogWriter = &keys
	c := &sealer{peer: p, under: p.Conn}
	over := tls.Client(p.Conn, config)
	if err := over.Handshake(); err != nil {
		t.Fatal(err)
	}
	if suite := over.ConnectionState().CipherSuite; suite != tls.TLS_AES_128_GCM_SHA256 {
		t.Skipf("the suite is %s", tls.CipherSuiteName(suite))
	}
	p.Conn, p.r = over, bufio.NewReader(over)
	for line := range strings.Lines(keys.String()) {
		if f := strings.Fields(line); f[0] == "CLIENT_TRAFFIC_SECRET_0" {
			secret, err := hex.DecodeString(f[2])
			if err != nil {
				t.Fatal(err)
			}
			c.setSecret(secret)
		}
	}
	if c.aead == nil {
		t.Fatal("no secret was logged")
	}
	return c
}

// expand is HKDF-Expand-Label (RFC 8446 7.1) without a context.
func (c *sealer) expand(label string, size int) []byte {
	label = "tls13 " + label
	info := binary.BigEndian.AppendUint16(nil, uint16(size))
	info = append(info, byte(len(label)))
	info = append(append(info, label...), 0)
	out, err := hkdf.Expand(sha256.New, c.secret, string(info), size)
	if err != nil {
		c.t.Fatal(err)
	}
	return out
}

func (c *sealer) setSecret(secret []byte) {
	c.secret, c.seq = secret, 0
	block, err := aes.NewCipher(c.expand("key", 16))
	if err != nil {
		c.t.Fatal(err)
	}
	if c.aead, err = cipher.NewGCM(block); err != nil {
		c.t.Fatal(err)
	}
	c.iv = c.expand("iv", 12)
}

// seal makes one record.
func (c *sealer) seal(typ byte, content string) []byte {
	inner := append([]byte(content), typ)
	size := len(inner) + c.aead.Overhead()
	head := []byte{recordData, 3, 3, byte(size >> 8), byte(size)}
	nonce := bytes.Clone(c.iv)
	for i := range 8 {
		nonce[4+i] ^= byte(c.seq >> (56 - 8*i))
	}
	c.seq++
	return c.aead.Seal(bytes.Clone(head), nonce, inner, head)
}

// keyUpdate makes one, and changes the key (RFC 8446 4.6.3).
func (c *sealer) keyUpdate(answer bool) []byte {
	request := byte(0)
	if answer {
		request = 1
	}
	record := c.seal(recordHandshake, string([]byte{24, 0, 0, 1, request}))
	c.setSecret(c.expand("traffic upd", 32))
	return record
}

func (c *sealer) write(records ...[]byte) error {
	_, err := c.under.Write(bytes.Join(records, nil))
	return err
}

func (c *sealer) data(content string) {
	c.t.Helper()
	if err := c.write(c.seal(recordData, content)); err != nil {
		c.t.Fatal(err)
	}
}

// open does the handshake of RFC 6455.
func (c *sealer) open() {
	c.t.Helper()
	c.data(upgrade + "\r\n")
	c.expectStatus(101)
}
