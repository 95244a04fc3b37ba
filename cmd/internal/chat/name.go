package chat

import (
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// maxName is the longest name, in characters (code points).
const maxName = 24

// nameRule is what cleanName checks, in the words shown to people.
const nameRule = "A name has 1 to 24 visible characters: letters, digits, symbols, spaces between them."

// cleanName trims a name and makes each run of white space one space. It
// reports false if what is left is empty, too long, or holds a character that
// is not seen: those turn text around or make two names look alike.
func cleanName(raw string) (string, bool) {
	name := strings.Join(strings.Fields(raw), " ")
	if name == "" || utf8.RuneCountInString(name) > maxName {
		return "", false
	}
	base := false // something that a combining mark can sit on
	for _, r := range name {
		if !unicode.IsPrint(r) {
			return "", false
		}
		base = base || r != ' ' && !unicode.IsMark(r)
	}
	return name, base
}

// uniqueName returns name, or name with the first number behind it that nobody
// has, shortened so that it stays a valid name.
func uniqueName(name string, taken func(string) bool) string {
	unique := name
	for n := 2; taken(unique); n++ {
		suffix := " " + strconv.Itoa(n)
		base := []rune(name)
		base = base[:min(len(base), maxName-len(suffix))]
		unique = strings.TrimRight(string(base), " ") + suffix
	}
	return unique
}
