package printable

import "testing"

func TestText_escapes_what_is_not_to_be_seen(t *testing.T) {
	for in, want := range map[string]string{
		"":                    "",
		"plain, κόσμε 你好 🙂":   "plain, κόσμε 你好 🙂",
		"\x1b[31mred\x07":     `\x1b[31mred\a`,
		"\x00\xff\xc3":        `\x00\xff\xc3`,
		"two\nlines\r\n":      `two lines\r `,
		"\u202eright to left": `\u202eright to left`,
		"\ufffd":              `\ufffd`,
		"no-break\u00a0space": `no-break\u00a0space`,
		"private \U000f0000 ": `private \U000f0000 `,
	} {
		if got := Text(in); got != want {
			t.Errorf("Text(%q) = %q, want %q", in, got, want)
		}
	}
}
