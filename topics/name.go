package topics

import (
	"strings"
	"unicode/utf8"
)

// CheckName reports whether name is the name of one topic, without wildcards. It returns nil,
// [ErrName] or [ErrWildcard]. Use it for names that clients ask for.
func CheckName(name string) error {
	wild, err := checkPattern(name)
	if err == nil && wild {
		err = ErrWildcard
	}
	return err
}

// checkPattern checks a name that may have wildcards.
func checkPattern(name string) (wild bool, err error) {
	if !utf8.ValidString(name) {
		return false, ErrName
	}
	for i := range len(name) {
		if name[i] <= ' ' || name[i] == 0x7F {
			return false, ErrName
		}
	}
	for more := true; more; {
		var token string
		token, name, more = strings.Cut(name, ".")
		switch token {
		case "":
			return false, ErrName
		case "*":
			wild = true
		case ">":
			if more {
				return false, ErrName
			}
			wild = true
		}
	}
	return wild, nil
}

// check checks a name, and its length.
func (h *Topics) check(name string) (wild bool, err error) {
	if most := limit(h.MaxNameLen, DefaultMaxNameLen); len(name) > most {
		return false, ErrNameTooLong
	}
	return checkPattern(name)
}

// checkPlain is check for names without wildcards.
func (h *Topics) checkPlain(name string) error {
	wild, err := h.check(name)
	if err == nil && wild {
		err = ErrWildcard
	}
	return err
}
