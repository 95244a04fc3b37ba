package chat

import (
	"strconv"
	"strings"
	"testing"
	"unicode/utf8"
)

func TestCleanName(t *testing.T) {
	for raw, want := range map[string]string{
		"Ada":             "Ada",
		"  Ada  Lovelace": "Ada Lovelace",
		"a\tb\nc\u00a0d":  "a b c d",
		"Çelik":           "Çelik",
		"李四":              "李四",
		"مريم":            "مريم",
		"e\u0301":         "e\u0301",
		"😀":               "😀",
		"<b>x</b>":        "<b>x</b>", // the page shows it as it is

		strings.Repeat("n", maxName): strings.Repeat("n", maxName),
		strings.Repeat("😀", maxName): strings.Repeat("😀", maxName),
	} {
		if got, ok := cleanName(raw); !ok || got != want {
			t.Errorf("%q is %q, %v; want %q", raw, got, ok, want)
		}
	}
}

func TestCleanNameRefuses(t *testing.T) {
	for what, raw := range map[string]string{
		"empty":             "",
		"space":             " \t\n\u2003",
		"too_long":          strings.Repeat("n", maxName+1),
		"control":           "a\x00b",
		"escape":            "a\x1b[31m",
		"direction":         "a\u202eb",
		"isolate":           "a\u2066b",
		"zero_width_space":  "a\u200bb",
		"zero_width_joiner": "a\u200db",
		"soft_hyphen":       "a\u00adb",
		"byte_order_mark":   "\ufeffa",
		"private_use":       "\ue000",
		"unassigned":        "\U000e0fff",
		"marks_alone":       "\u0301\u0302",
	} {
		if got, ok := cleanName(raw); ok {
			t.Errorf("%s: %q is taken as %q", what, raw, got)
		}
	}
}

func TestNameRuleStatesTheLimit(t *testing.T) {
	if !strings.Contains(nameRule, " "+strconv.Itoa(maxName)+" ") {
		t.Errorf("%q does not say %d", nameRule, maxName)
	}
}

func TestUniqueNameStaysWithinTheLimit(t *testing.T) {
	taken := map[string]bool{}
	has := func(name string) bool { return taken[strings.ToLower(name)] }
	for _, base := range []string{"Ada", "ada", strings.Repeat("é", maxName), "x " + strings.Repeat("y", maxName-2), strings.Repeat("z", maxName-2) + " z"} {
		for range 120 {
			name := uniqueName(base, has)
			if has(name) {
				t.Fatalf("%q is taken", name)
			}
			if clean, ok := cleanName(name); !ok || clean != name {
				t.Fatalf("%q of %d characters is no valid name", name, utf8.RuneCountInString(name))
			}
			taken[strings.ToLower(name)] = true
		}
	}
	if got := uniqueName("New", has); got != "New" {
		t.Errorf("a free name became %q", got)
	}
	if !taken["ada 2"] || !taken["ada 240"] {
		t.Error("the numbers do not count up from 2")
	}
}
