package token

import (
	"slices"
	"strings"
	"testing"
)

func TestIs_TokensOfRFC9110(t *testing.T) {
	for b := range 256 {
		letter := 'a' <= b && b <= 'z' || 'A' <= b && b <= 'Z' || '0' <= b && b <= '9'
		want := letter || b < 0x80 && strings.ContainsRune("!#$%&'*+-.^_`|~", rune(b))
		if Is[b] != want {
			t.Errorf("%q: %v", rune(b), !want)
		}
	}
}

// read takes a line apart: each extension and its parameters, values unquoted.
func read(line string) (extensions [][]string, ok bool) {
	for {
		name, params, rest, ok := CutExtension(line)
		if !ok || name == "" {
			return extensions, ok
		}
		extension := []string{name}
		for {
			name, value, rest, ok := CutParam(params)
			if !ok {
				return extensions, false
			}
			if name == "" {
				break
			}
			if value != "" {
				name += "=" + string(AppendValue(nil, value))
			}
			extension, params = append(extension, name), rest
		}
		extensions, line = append(extensions, extension), rest
	}
}

func TestCutExtension(t *testing.T) {
	for line, want := range map[string][][]string{
		"":                       nil,
		" , ,":                   nil,
		"a":                      {{"a"}},
		"a,b":                    {{"a"}, {"b"}},
		" ,\ta ,, b,":            {{"a"}, {"b"}},
		"a;b":                    {{"a", "b"}},
		"a ;\tb = 1 ; c,d;e":     {{"a", "b=1", "c"}, {"d", "e"}},
		`a;b="1";c="\1\5" , d`:   {{"a", "b=1", "c=15"}, {"d"}},
		`a;b="c",d;e="f" ; g=h `: {{"a", "b=c"}, {"d", "e=f", "g=h"}},
	} {
		got, ok := read(line)
		if !ok || !slices.EqualFunc(got, want, slices.Equal) {
			t.Errorf("%q: %q, %v, want %q", line, got, ok, want)
		}
	}
}

func TestCutExtension_BrokenGrammar(t *testing.T) {
	for _, line := range []string{
		";", "=", "a b", "a=b", "a;", "a;;b", "a;b c", "a;b=", "a;=b", "a;b,;", `"a"`, "caf\u00e9", "a/b", "a, b c",
		`a;b="`, `a;b=""`, `a;b="c d"`, `a;b="c`, `a;b="\`, `a;b="c\"`, `a;b="c"d`, `a;b="\""`, `a;b="c,d"`,
	} {
		if got, ok := read(line); ok {
			t.Errorf("%q: %q", line, got)
		}
	}
}

func TestCutParam_OnlyAfterASemicolon(t *testing.T) {
	if name, _, _, ok := CutParam("a"); ok {
		t.Errorf("%q without a semicolon", name)
	}
}
