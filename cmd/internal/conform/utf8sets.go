package conform

import (
	"slices"
	"strings"
	"unicode/utf8"
)

// cutShort are sequences of two to six bytes without their last: the smallest of each
// length, then the largest.
var cutShort = []string{
	"\xc0", "\xe0\x80", "\xf0\x80\x80", "\xf8\x80\x80\x80", "\xfc\x80\x80\x80\x80",
	"\xdf", "\xef\xbf", "\xf7\xbf\xbf", "\xfb\xbf\xbf\xbf", "\xfd\xbf\xbf\xbf\xbf",
}

// utf8Sets are the sequences of the cases 6.5 to 6.23, after Markus Kuhn's stress test
// for decoders. RFC 3629 decides which of them are UTF-8.
var utf8Sets = []utf8Set{
	{"Valid UTF-8", valid("hello$world", "hello\u00a2world", "hello\u20acworld", "hello\U00024b62world", greek)},
	{"Prefixes of a Greek word", prefixes(greek)},
	{"The first sequence of each length", valid("\x00", "\xc2\x80", "\xe0\xa0\x80", "\xf0\x90\x80\x80")},
	{"The first sequence of 5 and of 6 bytes", invalid("\xf8\x88\x80\x80\x80", "\xfc\x84\x80\x80\x80\x80")},
	{"The last sequence of each length", valid("\x7f", "\xdf\xbf", "\xef\xbf\xbf", "\xf4\x8f\xbf\xbf")},
	{"The last sequence of 4, 5 and 6 bytes", invalid("\xf7\xbf\xbf\xbf", "\xfb\xbf\xbf\xbf\xbf", "\xfd\xbf\xbf\xbf\xbf\xbf")},
	{"Other boundaries", slices.Concat(
		valid("\xed\x9f\xbf", "\xee\x80\x80", "\xef\xbf\xbd", "\xf4\x8f\xbf\xbf"), invalid("\xf4\x90\x80\x80"))},
	{"Continuation bytes without a start", invalid(
		"\x80", "\xbf", "\x80\xbf", "\x80\xbf\x80", "\x80\xbf\x80\xbf", "\x80\xbf\x80\xbf\x80", "\x80\xbf\x80\xbf\x80\xbf",
		byteRange(0x80, 0xbe, ""))},
	{"Starts without a continuation", invalid(byteRange(0xc0, 0xde, " "), byteRange(0xe0, 0xee, " "),
		byteRange(0xf0, 0xf6, " "), byteRange(0xf8, 0xfa, " "), byteRange(0xfc, 0xfc, " "))},
	{"The last byte missing", invalid(cutShort...)},
	{"Cut sequences behind each other", invalid(strings.Join(cutShort, ""))},
	{"Impossible bytes", invalid("\xfe", "\xff", "\xfe\xfe\xff\xff")},
	{"An ASCII character in too many bytes", invalid(
		"\xc0\xaf", "\xe0\x80\xaf", "\xf0\x80\x80\xaf", "\xf8\x80\x80\x80\xaf", "\xfc\x80\x80\x80\x80\xaf")},
	{"The last character in too many bytes", invalid(
		"\xc1\xbf", "\xe0\x9f\xbf", "\xf0\x8f\xbf\xbf", "\xf8\x87\xbf\xbf\xbf", "\xfc\x83\xbf\xbf\xbf\xbf")},
	{"NUL in too many bytes", invalid(
		"\xc0\x80", "\xe0\x80\x80", "\xf0\x80\x80\x80", "\xf8\x80\x80\x80\x80", "\xfc\x80\x80\x80\x80\x80")},
	{"Single surrogates", invalid("\xed\xa0\x80", "\xed\xad\xbf", "\xed\xae\x80", "\xed\xaf\xbf",
		"\xed\xb0\x80", "\xed\xbe\x80", "\xed\xbf\xbf")},
	{"Paired surrogates", invalid("\xed\xa0\x80\xed\xb0\x80", "\xed\xa0\x80\xed\xbf\xbf",
		"\xed\xad\xbf\xed\xb0\x80", "\xed\xad\xbf\xed\xbf\xbf", "\xed\xae\x80\xed\xb0\x80", "\xed\xae\x80\xed\xbf\xbf",
		"\xed\xaf\xbf\xed\xb0\x80", "\xed\xaf\xbf\xed\xbf\xbf")},
	{"Code points that are no characters", valid(nonCharacters()...)},
	{"Unicode specials", valid("\ufff9", "\ufffa", "\ufffb", "\ufffc", "\ufffd", "\ufffe", "\uffff")},
}

// prefixes are those of s, of which the ones that end within a character are wrong.
func prefixes(s string) []utf8Sequence {
	var all []utf8Sequence
	for i := 1; i <= len(s); i++ {
		all = append(all, utf8Sequence{s[:i], utf8.ValidString(s[:i])})
	}
	return all
}

// nonCharacters are the last two code points of each plane, U+FFFE to U+10FFFF. They
// mean nothing, and are valid all the same.
func nonCharacters() []string {
	var all []string
	for plane := rune(0); plane <= 0x10; plane++ {
		all = append(all, string(plane<<16|0xfffe), string(plane<<16|0xffff))
	}
	return all
}
