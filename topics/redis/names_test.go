package redis

import (
	"slices"
	"strings"
	"testing"
)

func TestCRC16_IsTheClusters(t *testing.T) {
	if got := crc16("123456789"); got != 0x31C3 { // the check value of CRC-16/XMODEM
		t.Errorf("%#x", got)
	}
}

func TestTags_AreSpreadEvenly(t *testing.T) {
	for _, primaries := range []int{2, 3, 5, 6, 16} {
		have := make([]int, primaries)
		for i, tag := range tags() {
			slot := int(crc16(tag)) % 16384
			if slot*partitions/16384 != i {
				t.Errorf("partition %d: tag %s has slot %d", i, tag, slot)
			}
			have[slot*primaries/16384]++
		}
		if slices.Max(have)-slices.Min(have) > 1 {
			t.Errorf("%d primaries have %v partitions", primaries, have)
		}
	}
}

// A change would take the topics of programs away.
func TestPartition_StaysTheSame(t *testing.T) {
	for topic, want := range map[string]int{"lobby": 19, "rooms.7.chat": 28, "": 5} {
		if got := partition(topic); got != want {
			t.Errorf("%q is in %d, want %d", topic, got, want)
		}
	}
}

func TestPrefixes_MeetThoseOfPatterns(t *testing.T) {
	const deep = "a.b.c.d.e.f.g.h.i.j"
	for _, c := range []struct {
		pattern, topic string
		match          bool
	}{
		{">", "a", true},
		{">", deep, true},
		{"*", "a", true},
		{"*", "a.b", false},
		{"a.>", "a.b", true},
		{"a.>", "a", false},
		{"a.*.c", "a.b.c", true},
		{"a.*.c", "a.b.d", false},
		{"a.*.c", "a.b.c.d", false},
		{"a.b.*", "a.b.c", true},
		{"a.b.*", "a.x.c", false},
		{"*.b", "a.b", true},
		{"a.b.c.d.e.f.g.h.i.*", deep, true},
		{"a.b.c.d.e.f.g.h.x.*", deep, false},
		{"a.b.c.d.e.f.g.h.*.j", deep, true},
	} {
		if got := match(c.pattern, c.topic); got != c.match {
			t.Errorf("%s matches %s: %v", c.pattern, c.topic, got)
		}
		have := prefixes(c.topic, nil)
		if !slices.IsSortedFunc(have, func(a, b string) int { return len(b) - len(a) }) || have[len(have)-1] != "" {
			t.Errorf("prefixes of %s: %q", c.topic, have)
		}
		if c.match && !slices.Contains(have, prefixOf(c.pattern)) {
			t.Errorf("%s has prefix %q, which is none of those of %s: %q", c.pattern, prefixOf(c.pattern), c.topic, have)
		}
	}
	if n := len(prefixes(strings.Repeat("a.", 1000)+"a", nil)); n != maxPrefix+1 {
		t.Errorf("a deep topic has %d prefixes", n)
	}
}
