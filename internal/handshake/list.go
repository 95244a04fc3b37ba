package handshake

import "github.com/framerail/framerail/internal/token"

// cutElement splits the first element off a comma-separated list and trims it.
// Empty elements come out empty: RFC 9110 5.6.1.2 has recipients ignore them.
// For lists of tokens only, since a quoted string may hold a comma.
func cutElement[T text](list T) (element, rest T) {
	i := index(list, ',')
	if i < 0 {
		return token.Trim(list), list[len(list):]
	}
	return token.Trim(list[:i]), list[i+1:]
}

// HasToken reports whether a list of tokens, one field line of Connection or
// Upgrade, holds the token: in any case, at any place, as a whole element.
// RFC 9110 5.6.1, 7.6.1 and 7.8.
func HasToken[T text](list T, token string) bool {
	for len(list) > 0 {
		var element T
		element, list = cutElement(list)
		if equalFold(element, token) {
			return true
		}
	}
	return false
}
