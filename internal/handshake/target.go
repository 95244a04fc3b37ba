package handshake

import "bytes"

// isTargetByte holds visible ASCII but "#": a fragment is never sent (RFC 9112
// 3.2, RFC 6455 3). Browsers do send some bytes bare that RFC 3986 would have
// encoded, such as | and {, so they pass.
var isTargetByte = tableOf(func(b byte) bool { return isVisible[b] && b != '#' })

var (
	rootPath = []byte("/")
	schemes  = [...]string{"http://", "https://"}
)

// parseTarget reads the request target: RFC 9112 3.2.
func (r *Request) parseTarget(target []byte) error {
	if !all(target, &isTargetByte) {
		return ErrTarget
	}
	r.Target = target
	rest := target

	// RFC 9112 3.2.4: asterisk-form belongs to OPTIONS alone.
	if len(target) == 1 && target[0] == '*' {
		if string(r.Method) != "OPTIONS" {
			return ErrTarget
		}
		r.Path = target
		return nil
	}

	// RFC 9112 3.2.2, RFC 6455 4.2.1: absolute-form must be understood; its
	// authority stands in for Host.
	for _, scheme := range schemes {
		if len(target) < len(scheme) || !equalFold(target[:len(scheme)], scheme) {
			continue
		}
		rest = target[len(scheme):]
		end := bytes.IndexAny(rest, "/?")
		if end < 0 {
			end = len(rest)
		}
		r.Host, rest = rest[:end:end], rest[end:]
		if !ValidHost(r.Host) {
			return ErrTarget
		}
		break
	}

	// RFC 9112 3.2.1: origin-form begins with a slash. What is left over,
	// authority-form, is for proxies.
	path, query, _ := bytes.Cut(rest, []byte("?"))
	if len(path) == 0 && r.Host != nil {
		path = rootPath
	}
	if len(path) == 0 || path[0] != '/' || !validEscapes(path) {
		return ErrTarget
	}
	r.Path, r.RawQuery = path, query
	return nil
}

// validEscapes reports whether each % begins an encoded byte: RFC 3986 2.1.
// Only the path is held to it, since browsers let a lone % stand in a query.
func validEscapes(path []byte) bool {
	for {
		i := bytes.IndexByte(path, '%')
		if i < 0 {
			return true
		}
		if len(path) < i+3 || !isHex[path[i+1]] || !isHex[path[i+2]] {
			return false
		}
		path = path[i+3:]
	}
}
