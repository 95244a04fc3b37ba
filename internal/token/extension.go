package token

// CutExtension takes the first extension off a line of Sec-WebSocket-Extensions: its
// name, its parameters for [CutParam], and the rest of the line. The name is empty when
// the line holds no more; ok is false where it breaks its grammar, RFC 6455 9.1:
//
//	extension-list  = 1#extension
//	extension       = token *( ";" param )
//	param           = token [ "=" ( token / quoted-string ) ]
//
// A quoted string must hold a token once unquoted. Empty elements of the list are skipped, as RFC 9110
// 5.6.1.2 asks. A whole line takes time linear in its length.
func CutExtension[T Text](line T) (name, params, rest T, ok bool) {
	rest = Trim(line)
	for len(rest) > 0 && rest[0] == ',' {
		rest = Trim(rest[1:])
	}
	if len(rest) == 0 {
		return rest, rest, rest, true
	}
	name, rest = cut(rest)
	if len(name) == 0 {
		return name, params, rest, false
	}

	params = rest
	rest = Trim(rest)
	for len(rest) > 0 && rest[0] == ';' {
		if _, _, rest, ok = CutParam(rest); !ok {
			return name, params, rest, false
		}
		rest = Trim(rest)
	}
	if len(rest) > 0 && rest[0] != ',' {
		return name, params, rest, false
	}
	return name, params[:len(params)-len(rest)], rest, true
}

// CutParam takes the first parameter off an extension's parameters. It returns the name, the value with
// its quotes, and the rest. The value is empty if the parameter has none. The name is empty if there
// are no more parameters. ok is false if the grammar is broken.
func CutParam[T Text](params T) (name, value, rest T, ok bool) {
	rest = Trim(params)
	if len(rest) == 0 {
		return rest, rest, rest, true
	}
	if rest[0] != ';' {
		return name, value, rest, false
	}
	name, rest = cut(Trim(rest[1:]))
	if len(name) == 0 {
		return name, value, rest, false
	}
	if after := Trim(rest); len(after) > 0 && after[0] == '=' {
		value, rest, ok = cutValue(Trim(after[1:]))
		return name, value, rest, ok
	}
	return name, value, rest, true
}

// cutValue takes a parameter's value off: a token, bare or quoted.
func cutValue[T Text](s T) (value, rest T, ok bool) {
	if len(s) == 0 || s[0] != '"' {
		value, rest = cut(s)
		return value, rest, len(value) > 0
	}
	for i := 1; i < len(s); i++ {
		switch {
		case s[i] == '"':
			return s[:i+1], s[i+1:], i > 1
		case s[i] == '\\' && i+1 < len(s):
			i++
		}
		if !Is[s[i]] {
			return value, s, false
		}
	}
	return value, s, false
}

// AppendValue appends a value to dst, without quotes and escapes, and returns the extended
// slice.
func AppendValue[T Text](dst []byte, value T) []byte {
	for i := 0; i < len(value); i++ {
		if value[i] != '"' && value[i] != '\\' { // neither is of a token
			dst = append(dst, value[i])
		}
	}
	return dst
}
