package topics

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

// matches is a plain reading of the rules: the oracle.
func matches(pattern, name string) bool {
	p, n := strings.Split(pattern, "."), strings.Split(name, ".")
	for i, token := range p {
		switch {
		case i == len(n):
			return false
		case token == ">":
			return true
		case token != "*" && token != n[i]:
			return false
		}
	}
	return len(p) == len(n)
}

// The tree of patterns matches as the plain reading does, whatever is added and removed.
func TestPatterns_MatchAsAPlainReading(t *testing.T) {
	for seed := range uint64(50) {
		rnd := rand.New(rand.NewPCG(seed, 1))
		name := func(tokens ...string) string {
			all := make([]string, 1+rnd.IntN(4))
			for i := range all {
				all[i] = tokens[rnd.IntN(len(tokens))]
			}
			return strings.Join(all, ".")
		}
		var tree patterns
		there := make(map[string]*topic)
		for range 300 {
			pattern := name("a", "b", "*", "*")
			if rnd.IntN(3) == 0 {
				pattern = strings.Join(append(strings.Split(pattern, ".")[1:], ">"), ".")
			}
			if there[pattern] != nil {
				delete(there, pattern)
				empty := tree.remove(pattern)
				expect(t, "empty", empty, len(there) == 0)
			} else {
				there[pattern] = &topic{name: pattern}
				*tree.place(pattern, true) = there[pattern]
			}
			n := name("a", "b", "c")
			var got, want []string
			for _, m := range tree.match(n, nil) {
				got = append(got, m.name)
			}
			for pattern := range there {
				if matches(pattern, n) {
					want = append(want, pattern)
				}
			}
			slices.Sort(got)
			slices.Sort(want)
			if fmt.Sprint(got) != fmt.Sprint(want) {
				t.Fatalf("seed %d: %q matches %q, want %q", seed, n, got, want)
			}
		}
		for pattern := range there {
			tree.remove(pattern)
		}
		expect(t, "empty at last", tree.isEmpty(), true)
	}
}

// FuzzCheckName holds the rules of names to a plain reading.
func FuzzCheckName(f *testing.F) {
	for _, s := range []string{"a", "a.b", "*", "a.>", ">.a", "", ".", "a b", "\xff", "é.*"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, name string) {
		want := error(nil)
		tokens := strings.Split(name, ".")
		for i, token := range tokens {
			if token == "" || token == ">" && i < len(tokens)-1 || strings.ToValidUTF8(token, "") != token ||
				strings.ContainsFunc(token, func(r rune) bool { return r <= ' ' || r == 0x7F }) {
				want = ErrName
				break
			}
			if token == "*" || token == ">" {
				want = ErrWildcard
			}
		}
		if got := CheckName(name); got != want {
			t.Errorf("%q: %v, want %v", name, got, want)
		}
	})
}

func FuzzPosition(f *testing.F) {
	f.Add("8a3f.17")
	f.Add("0.0")
	f.Fuzz(func(t *testing.T, s string) {
		var p, q Position
		if p.UnmarshalText([]byte(s)) == nil && (q.UnmarshalText([]byte(p.String())) != nil || p != q) {
			t.Errorf("%q: %v, and again %v", s, p, q)
		}
	})
}
