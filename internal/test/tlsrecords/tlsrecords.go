// Package tlsrecords makes the records of a TLS client by hand, with AES-128-GCM. It is for
// tests of what a server does with records that package crypto/tls would never send.
//
// A client of crypto/tls with the settings of [Config] does the handshake and logs its
// secrets. After that it only reads, and a [Sealer] makes the records that are sent.
package tlsrecords

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/sha256"
	"crypto/tls"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"io"
	"strings"
)

// Types of records (RFC 8446 5.1).
const (
	Alert     = 21
	Handshake = 22
	Data      = 23
)

// CloseNotify is the content of an alert that says that the direction ends.
const CloseNotify = "\x01\x00"

// Config has a client agree on a suite that a Sealer knows, and write what it needs to
// secrets. With TLS 1.3 the suite is the server's choice: see New.
func Config(base *tls.Config, version uint16, secrets io.Writer) *tls.Config {
	c := base.Clone()
	c.MinVersion, c.MaxVersion, c.KeyLogWriter = version, version, secrets
	c.CipherSuites = []uint16{tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256}
	return c
}

// Sealer seals the records of one connection. It is for one goroutine.
type Sealer struct {
	version uint16
	secret  []byte // of TLS 1.3
	aead    cipher.AEAD
	iv      []byte
	seq     uint64
}

// New is a Sealer for a connection whose handshake is done, from the secrets that were
// logged and, for TLS 1.2 alone, the bytes that came from the server.
func New(state tls.ConnectionState, secrets string, came []byte) (*Sealer, error) {
	s := &Sealer{version: state.Version}
	for line := range strings.Lines(secrets) {
		f := strings.Fields(line)
		if len(f) != 3 {
			continue
		}
		random, _ := hex.DecodeString(f[1])
		secret, _ := hex.DecodeString(f[2])
		switch {
		case f[0] == "CLIENT_TRAFFIC_SECRET_0" && state.CipherSuite == tls.TLS_AES_128_GCM_SHA256:
			s.use(secret)
		case f[0] == "CLIENT_RANDOM" && state.CipherSuite == tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256 && len(came) >= serverRandom+32:
			s.useMaster(secret, random, came[serverRandom:serverRandom+32])
		}
	}
	if s.aead == nil {
		return nil, fmt.Errorf("tlsrecords: no secret for %s", tls.CipherSuiteName(state.CipherSuite))
	}
	return s, nil
}

// serverRandom is where ServerHello has its random: behind the headers of the record and
// of the message, and the version (RFC 5246 7.4.1.3).
const serverRandom = 5 + 4 + 2

// expand is HKDF-Expand-Label (RFC 8446 7.1) without a context.
func (s *Sealer) expand(label string, size int) []byte {
	label = "tls13 " + label
	info := binary.BigEndian.AppendUint16(nil, uint16(size))
	info = append(info, byte(len(label)))
	info = append(append(info, label...), 0)
	out, err := hkdf.Expand(sha256.New, s.secret, string(info), size)
	if err != nil {
		panic(err) // of lengths alone
	}
	return out
}

// use takes the keys of a secret of TLS 1.3 (RFC 8446 7.3).
func (s *Sealer) use(secret []byte) {
	s.secret, s.seq = secret, 0
	s.aead, s.iv = newAEAD(s.expand("key", 16)), s.expand("iv", 12)
}

// useMaster takes the keys of a master secret of TLS 1.2 (RFC 5246 6.3): the client's key,
// the server's, and the client's part of the nonce. Finished was the first record.
func (s *Sealer) useMaster(master, client, server []byte) {
	seed := append(append([]byte("key expansion"), server...), client...)
	var block []byte
	for a := seed; len(block) < 16+16+4; {
		a = sum(master, a)
		block = append(block, sum(master, append(bytes.Clone(a), seed...))...)
	}
	s.aead, s.iv, s.seq = newAEAD(block[:16]), block[32:36], 1
}

func sum(key, b []byte) []byte {
	h := hmac.New(sha256.New, key)
	h.Write(b)
	return h.Sum(nil)
}

func newAEAD(key []byte) cipher.AEAD {
	block, err := aes.NewCipher(key)
	if err != nil {
		panic(err) // of lengths alone
	}
	aead, err := cipher.NewGCM(block)
	if err != nil {
		panic(err)
	}
	return aead
}

// Seal makes one record.
func (s *Sealer) Seal(typ byte, content string) []byte {
	seq := binary.BigEndian.AppendUint64(nil, s.seq)
	s.seq++
	if s.version == tls.VersionTLS12 { // RFC 5246 6.2.3.3, RFC 5288 3
		size := len(seq) + len(content) + s.aead.Overhead()
		aad := append(bytes.Clone(seq), typ, 3, 3, byte(len(content)>>8), byte(len(content)))
		record := append([]byte{typ, 3, 3, byte(size >> 8), byte(size)}, seq...)
		return s.aead.Seal(record, append(bytes.Clone(s.iv), seq...), []byte(content), aad)
	}
	inner := append([]byte(content), typ) // RFC 8446 5.2
	size := len(inner) + s.aead.Overhead()
	head := []byte{Data, 3, 3, byte(size >> 8), byte(size)}
	nonce := bytes.Clone(s.iv)
	for i, b := range seq {
		nonce[4+i] ^= b
	}
	return s.aead.Seal(bytes.Clone(head), nonce, inner, head)
}

// KeyUpdate makes one, of TLS 1.3, and changes the key (RFC 8446 4.6.3). It may ask for
// one in return.
func (s *Sealer) KeyUpdate(answer bool) []byte {
	request := byte(0)
	if answer {
		request = 1
	}
	record := s.Seal(Handshake, string([]byte{24, 0, 0, 1, request}))
	s.use(s.expand("traffic upd", 32))
	return record
}
