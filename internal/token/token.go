// Package token reads tokens in the values of HTTP fields (RFC 9110 5.6.2), and the
// extensions of Sec-WebSocket-Extensions (RFC 6455 9.1), which consist of tokens. It
// allocates nothing and keeps nothing. Its results are parts of its arguments.
package token

// Text is the text to read: a view of a request's head, or a string of net/http's.
type Text interface{ ~string | ~[]byte }

// Is has true for each byte that a token may have: RFC 9110 5.6.2.
var Is = func() (is [256]bool) {
	for _, b := range []byte("!#$%&'*+-.^_`|~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz") {
		is[b] = true
	}
	return is
}()

// Trim removes optional white space from both ends: RFC 9110 5.6.3.
func Trim[T Text](s T) T {
	for len(s) > 0 && (s[0] == ' ' || s[0] == '\t') {
		s = s[1:]
	}
	for len(s) > 0 && (s[len(s)-1] == ' ' || s[len(s)-1] == '\t') {
		s = s[:len(s)-1]
	}
	return s
}

// cut splits a token off. The token is empty if there is none.
func cut[T Text](s T) (token, rest T) {
	n := 0
	for n < len(s) && Is[s[n]] {
		n++
	}
	return s[:n], s[n:]
}
