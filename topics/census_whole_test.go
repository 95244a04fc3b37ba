package topics

import (
	"bytes"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"
)

// censusOf has a topic with so many values of 1,000 bytes be told of for a few ticks, in which something else takes room at first. It returns
// what another node has of it then, and the log.
func censusOf(t *testing.T, values, most, taken int) (parts int, other *nodeCensus, log string) {
	var out bytes.Buffer
	h := new(Topics)
	l := &link{hub: h, wake: make(chan struct{}, 1), logger: slog.New(slog.NewTextHandler(&out, nil))}
	l.outbox.most = most
	of := h.lock("a", false)
	of.across = &across{link: l, hearing: hearing{confirmed: true}}
	of.across.changed, of.members = true, values
	of.present = make(map[*subscriber]any)
	for i := range values {
		of.present[new(subscriber)] = fmt.Sprintf("%03d", i) + strings.Repeat("x", 997)
	}
	l.census.add(of)
	of.mu.Unlock()
	other, now := new(nodeCensus), time.Now()
	l.outbox.add(l, kindMessage, "b", History{}, body(taken)[:maxHeader+taken], true)
	for tick := range 3 {
		l.tickCensus(now)
		now = now.Add(censusRefresh)
		for batch := l.outbox.peek(); len(batch) > 0; batch = l.outbox.peek() {
			for _, p := range batch {
				hd, rest, err := readHeader(p.Data)
				if err != nil || hd.kind != kindCensus {
					continue
				}
				s := scanner{b: rest}
				number, part, count, members := s.uvarint(), s.uvarint(), s.uvarint(), s.uvarint()
				var got []string
				for len(s.b) > 0 {
					got = append(got, string(s.take(s.uvarint())))
				}
				if other.take(number, int(part), int(count), int(members), got, now) && tick == 2 && parts > 0 {
					t.Error("a census that has not changed differs")
				}
				parts++
			}
			l.outbox.remove(len(batch), false, false)
		}
	}
	return parts, other, out.String()
}

// A census is put into the outbox with all of its parts, or with none: a part alone tells nothing.
func TestCensuses_AreWhole(t *testing.T) {
	parts, other, log := censusOf(t, 100, 1<<20, 450_000) // with it there is room for a few parts, and not for all
	expect(t, "parts", parts%3, 0)
	expect(t, "parts in two ticks", parts, 6)
	expect(t, "members", other.members, 100)
	expect(t, "values", len(other.values), 100)
	expect(t, "log", log, "")
}

// Of values that never fit together, other nodes are told as many as do, the same each time. The program is told that once.
func TestCensuses_HaveWhatFits(t *testing.T) {
	parts, other, log := censusOf(t, 60, 100_000, 0)
	expect(t, "parts", parts, 3)
	expect(t, "members", other.members, 60)
	if n := len(other.values); n < 20 || n > 25 {
		t.Errorf("%d values, want a quarter of the outbox", n)
	}
	expect(t, "lines in the log", strings.Count(log, "level=WARN"), 1)
}
