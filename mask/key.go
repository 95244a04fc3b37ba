package mask

import (
	"encoding/binary"
	"math/bits"
)

// Key is a masking key (RFC 6455 5.3). Its first byte on the wire is the lowest
// byte of the integer, on every machine, so that a key fits a register and
// rotating it is one instruction. The zero Key leaves a payload as it is.
type Key uint32

// KeyFromBytes returns the key with the bytes b, in the order of the wire.
func KeyFromBytes(b [4]byte) Key {
	return Key(binary.LittleEndian.Uint32(b[:]))
}

// Bytes returns the key as it stands on the wire.
func (k Key) Bytes() (b [4]byte) {
	binary.LittleEndian.PutUint32(b[:], uint32(k))
	return b
}

// Rotate returns the key as it stands n payload bytes further on: the one to
// continue with after n bytes were masked. n may be any number, also negative.
func (k Key) Rotate(n int) Key {
	return Key(bits.RotateLeft32(uint32(k), -8*(n&3)))
}
