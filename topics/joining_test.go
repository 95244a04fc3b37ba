package topics

import (
	"fmt"
	"strings"
	"testing"

	"github.com/framerail/framerail/conn"
)

// Calls of SubscribeSince that follow each other before the loop's turn are answered one by one, and each answer is true: whether the
// connection is a member, from which position on, and what it is sent. One that has no room ends no membership that another makes.
func TestSubscribeSince_CallsBeforeTheTurnAreAnsweredOneByOne(t *testing.T) {
	const all, two, gap, zero = "all", "two", "gap", "zero" // of ten messages all have no room, and two have
	for _, c := range []struct {
		first, second string
		answers       string // with the offset, or none
		reads         string // "m" is published between the calls, and "n" behind them
		last          string // what History.Last adds before that
	}{
		{all, zero, "- 11", "n", "m "},
		{all, two, "- 11", "b8 b9 m n", ""},
		{all, gap, "- -", "", ""},
		{all, all, "- -", "", ""},
		{two, zero, "10 11", "b8 b9 m n", ""},
		{two, all, "10 -", "b8 b9 m n", ""},
		{two, gap, "10 -", "b8 b9 m n", ""},
		{gap, zero, "- 11", "n", "m "},
		{gap, two, "- 11", "b8 b9 m n", ""},
		{zero, zero, "10 11", "m n", "b9 "},
		{zero, all, "10 -", "m n", "b9 "},
		{zero, two, "10 11", "m b8 b9 m n", "b9 "},
	} {
		for _, last := range []bool{false, true} {
			t.Run(fmt.Sprint(c.first, " ", c.second, " ", last), func(t *testing.T) {
				w, cl := narrow(t, conn.OverflowClose, make(chan Lost, 100))
				w.History = keep(History{Messages: 1000, Last: last})
				to := w.conns[0]
				w.since(to, "a", w.publishTen("a"), nil) // which leaves room for a few
				b := w.publishTen("b")
				var answers []string
				ask := func(since string) {
					at := map[string]Position{all: b, two: {b.Epoch, 8}, gap: {b.Epoch + 1, 8}}[since]
					expect(t, "since "+since, w.SubscribeSince(to, "b", at, func(at Position, err error) {
						switch err {
						case nil:
							answers = append(answers, fmt.Sprint(at.Offset))
						case map[bool]error{true: ErrGap, false: ErrTooMuch}[since == gap]:
							answers = append(answers, "-")
						default:
							t.Errorf("since %s: %v", since, err)
						}
					}), nil)
				}
				ask(c.first)
				w.publish("b", "m")
				ask(c.second)
				w.publish("b", "n")
				w.sim.Settle()
				expect(t, "answers", strings.Join(answers, " "), c.answers)
				expect(t, "members", w.Count("b"), map[bool]int{true: 1}[c.reads != ""])
				cl.Resume()
				var reads []string
				for _, m := range strings.Fields(w.read(cl)) {
					if m = strings.Trim(m, "x"); strings.HasPrefix(m, "b") || m == "m" || m == "n" {
						reads = append(reads, m)
					}
				}
				if last {
					c.reads = c.last + c.reads
				}
				expect(t, "it reads", strings.Join(reads, " "), c.reads)
				expect(t, "state", to.State(), conn.Open)
			})
		}
	}
}
