package handshake

// CheckExtensions holds one line of Sec-WebSocket-Extensions to its grammar, in
// time linear in its length. RFC 6455 9.1:
//
//	extension-list  = 1#extension
//	extension       = token *( ";" param )
//	param           = token [ "=" ( token / quoted-string ) ]
//
// and a quoted string must hold a token once unquoted. The error is
// [ErrExtensions].
func CheckExtensions[T text](line T) error {
	extensions := 0
	for rest := trim(line); len(rest) > 0; {
		if rest[0] == ',' {
			rest = trim(rest[1:])
			continue
		}
		name, after := cutToken(rest)
		if len(name) == 0 {
			return ErrExtensions
		}
		extensions++

		rest = trim(after)
		for len(rest) > 0 && rest[0] == ';' {
			after, ok := cutParam(trim(rest[1:]))
			if !ok {
				return ErrExtensions
			}
			rest = trim(after)
		}
		if len(rest) > 0 && rest[0] != ',' {
			return ErrExtensions
		}
	}
	if extensions == 0 {
		return ErrExtensions
	}
	return nil
}

// cutToken splits a token off, which is empty if none is there.
func cutToken[T text](s T) (token, rest T) {
	n := 0
	for n < len(s) && isToken[s[n]] {
		n++
	}
	return s[:n], s[n:]
}

// cutParam takes a parameter off: its name, then perhaps "=" and a value.
func cutParam[T text](s T) (rest T, ok bool) {
	name, rest := cutToken(s)
	if len(name) == 0 {
		return rest, false
	}
	if after := trim(rest); len(after) > 0 && after[0] == '=' {
		return cutValue(trim(after[1:]))
	}
	return rest, true
}

// cutValue takes a parameter's value off, a token, bare or quoted.
func cutValue[T text](s T) (rest T, ok bool) {
	if len(s) == 0 || s[0] != '"' {
		value, rest := cutToken(s)
		return rest, len(value) > 0
	}
	for i := 1; i < len(s); i++ {
		switch {
		case s[i] == '"':
			return s[i+1:], i > 1
		case s[i] == '\\' && i+1 < len(s):
			i++
		}
		if !isToken[s[i]] {
			return s, false
		}
	}
	return s, false
}
