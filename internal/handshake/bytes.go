package handshake

import "github.com/framerail/framerail/internal/token"

// text is the text that rules read: views of a request head, or strings of a *http.Request.
type text = token.Text

// isVisible has true for visible ASCII.
var isVisible = tableOf(func(b byte) bool { return ' ' < b && b < 0x7f })

// isFieldByte has true for the bytes of a field value: HTAB, SP, visible ASCII and obs-text. RFC
// 9110 5.5.
var isFieldByte = tableOf(func(b byte) bool { return b == '\t' || b >= ' ' && b != 0x7f })

var (
	isDecimal = table("0123456789")
	isHex     = table("0123456789ABCDEFabcdef")
)

const alphanumeric = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"

func table(sets ...string) (t [256]bool) {
	for _, set := range sets {
		for _, b := range []byte(set) {
			t[b] = true
		}
	}
	return t
}

func tableOf(has func(b byte) bool) (t [256]bool) {
	for i := range t {
		t[i] = has(byte(i))
	}
	return t
}

// all reports whether s is not empty and each of its bytes is in the set.
func all[T text](s T, set *[256]bool) bool {
	for i := 0; i < len(s); i++ {
		if !set[s[i]] {
			return false
		}
	}
	return len(s) > 0
}

func lower(b byte) byte {
	if 'A' <= b && b <= 'Z' {
		return b + 'a' - 'A'
	}
	return b
}

// equalFold compares without regard to the case of ASCII letters, and of these
// only: Unicode folding would take U+212A, the Kelvin sign, for a k.
func equalFold[A, B text](a A, b B) bool {
	if len(a) != len(b) {
		return false
	}
	for i := 0; i < len(a); i++ {
		if lower(a[i]) != lower(b[i]) {
			return false
		}
	}
	return true
}

// index gives the place of the first b in s, or -1.
func index[T text](s T, b byte) int {
	for i := 0; i < len(s); i++ {
		if s[i] == b {
			return i
		}
	}
	return -1
}
