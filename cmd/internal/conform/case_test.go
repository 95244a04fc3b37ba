package conform

import (
	"strings"
	"testing"
)

func TestCasesHaveAutobahnsNumbers(t *testing.T) {
	count := map[string]int{}
	seen := map[string]bool{}
	for _, c := range Cases() {
		first, _, _ := strings.Cut(c.ID, ".")
		count[first]++
		if seen[c.ID] {
			t.Errorf("two cases have the number %s", c.ID)
		}
		seen[c.ID] = true
		if c.Group == "" || c.Title == "" || c.Expected == "" || c.Run == nil || !strings.HasSuffix(c.Sent, ".") {
			t.Errorf("case %s lacks something: %+v", c.ID, c)
		}
	}
	for group, want := range map[string]int{"1": 16, "2": 11, "3": 7, "4": 10, "5": 20, "6": 145, "7": 37, "9": 54, "10": 1} {
		if count[group] != want {
			t.Errorf("group %s has %d cases, want %d", group, count[group], want)
		}
	}
	for _, last := range []string{"1.2.8", "5.20", "6.4.4", "6.5.5", "6.14.10", "6.22.34", "6.23.7", "7.7.13", "7.9.9", "7.13.2", "9.8.6", "10.1.1", "bytes.10.1.1"} {
		if !seen[last] {
			t.Errorf("there is no case %s", last)
		}
	}
}

func TestSelect(t *testing.T) {
	for _, c := range []struct {
		include, exclude []string
		want             int // -1: an error
	}{
		{[]string{"2.*"}, nil, 11},
		{[]string{"2.*", "7.5.1"}, []string{"2.1*"}, 9},
		{[]string{"6.4.?"}, nil, 4},
		{[]string{"2.*"}, []string{"*"}, 0},
		{[]string{"2"}, nil, -1},
		{[]string{"2.[*"}, nil, -1},
		{[]string{"2.*"}, []string{"nonsense.*"}, -1},
	} {
		selected, err := Select(Cases(), c.include, c.exclude)
		if got := len(selected); err != nil && c.want != -1 || err == nil && got != c.want {
			t.Errorf("%q without %q: %d cases and %v, want %d", c.include, c.exclude, got, err, c.want)
		}
	}
}
