package handshake

import (
	"crypto/sha1"
	"encoding/base64"
)

// keyLen is the length of 16 bytes in base64.
const keyLen = 24

var isBase64 = table("+/", alphanumeric)

// ValidKey reports whether a Sec-WebSocket-Key is 16 bytes in base64. Padding
// bits that are not zero are let pass, as RFC 4648 3.5 permits: they decode to
// the same 16 bytes and the answer is computed from the text. RFC 6455 4.2.1.
func ValidKey[T text](key T) bool {
	return len(key) == keyLen &&
		all(key[:keyLen-2], &isBase64) &&
		key[keyLen-2] == '=' && key[keyLen-1] == '='
}

// acceptGUID is the constant of RFC 6455 1.3.
const acceptGUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"

// AppendAccept appends the Sec-WebSocket-Accept that answers a valid key, 28
// bytes, and returns the extended slice. It keeps nothing and allocates nothing
// if dst has room. RFC 6455 4.2.2.
func AppendAccept(dst, key []byte) []byte {
	var buf [keyLen + len(acceptGUID)]byte
	n := copy(buf[:keyLen], key)
	n += copy(buf[n:], acceptGUID)
	sum := sha1.Sum(buf[:n])
	return base64.StdEncoding.AppendEncode(dst, sum[:])
}
