package deflate

import "github.com/framerail/framerail/internal/token"

// parameters are the parameters of an offer of the extension, or of an answer.
type parameters struct {
	Params
	clientWindow bool // client_max_window_bits is there, in an offer perhaps without a value
}

// readParameters reads the parameters of one offer or answer. ok is false if one is
// unknown, repeated, or has a value that RFC 7692 7.1 does not allow.
func readParameters[T text](params T) (p parameters, ok bool) {
	for {
		name, value, rest, ok := token.CutParam(params)
		if !ok || len(name) == 0 {
			return p, ok
		}
		switch {
		case is(name, serverNoContextTakeover):
			ok = !p.ServerNoContextTakeover && len(value) == 0
			p.ServerNoContextTakeover = true
		case is(name, clientNoContextTakeover):
			ok = !p.ClientNoContextTakeover && len(value) == 0
			p.ClientNoContextTakeover = true
		case is(name, serverMaxWindowBits):
			ok = p.ServerMaxWindowBits == 0
			p.ServerMaxWindowBits = windowBits(value)
			ok = ok && p.ServerMaxWindowBits != 0
		case is(name, clientMaxWindowBits):
			ok = !p.clientWindow
			p.clientWindow = true
			p.ClientMaxWindowBits = windowBits(value)
			ok = ok && (p.ClientMaxWindowBits != 0 || len(value) == 0)
		default:
			ok = false
		}
		if !ok {
			return p, false
		}
		params = rest
	}
}

// windowBits is the number of a value: 8 to 15 in decimal, without leading zeros. RFC 6455 9.1 allows
// quotes around it. 0: the value is no such number.
func windowBits[T text](value T) int {
	var room [len(`"\1\5"`)]byte
	if len(value) > len(room) {
		return 0
	}
	switch digits := token.AppendValue(room[:0], value); {
	case len(digits) == 1 && (digits[0] == '8' || digits[0] == '9'):
		return int(digits[0] - '0')
	case len(digits) == 2 && digits[0] == '1' && '0' <= digits[1] && digits[1] <= '5':
		return 10 + int(digits[1]-'0')
	}
	return 0
}

type text = token.Text

// is compares byte by byte, because RFC 7692 has its names in one case only.
func is[T text](s T, name string) bool {
	return len(s) == len(name) && string(s) == name
}
