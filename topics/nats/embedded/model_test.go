package embedded_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/framerail/framerail/topics"
)

// In random histories a client gets exactly what it missed, or a no. It gets a no only if it missed
// more than its topic keeps, or if the stream lost messages of any topic behind its position.
func TestRecorder_NeverGivesAPart(t *testing.T) {
	s := newProcess(t)
	r := recorder(s.url())
	r.MaxBytes = 8000 // about 60 messages
	n := up(t, r)
	rnd := rand.New(rand.NewPCG(1, uint64(len(t.Name()))))
	type client struct {
		topic  int
		at     topics.Position
		missed []string
	}
	var clients []*client
	keep := func(topic int) topics.History { return topics.History{Messages: 1 + 5*topic} }
	whole, gaps := 0, 0
	for step := range 2000 {
		topic := min(rnd.IntN(6), rnd.IntN(6)) // some are quieter
		switch {
		case step%3 > 0:
			m := fmt.Sprint(step)
			n.publish(label(topic), keep(topic), m)
			for _, c := range clients {
				if c.topic == topic {
					c.missed = append(c.missed, m)
				}
			}
		case len(clients) < 20:
			clients = append(clients, &client{topic: topic, at: n.position(label(topic))})
		default:
			c := clients[rnd.IntN(len(clients))]
			got, at, err := n.since(label(c.topic), keep(c.topic), c.at)
			switch {
			case err == nil && got == strings.Join(c.missed, " "):
				whole++
			case errors.Is(err, topics.ErrGap) && (len(c.missed) > keep(c.topic).Messages || at.Offset-c.at.Offset > 20):
				gaps++
			default:
				t.Fatalf("step %d: %q, %v; missed %q behind %v; now %v", step, got, err, c.missed, c.at, at)
			}
			c.at, c.missed = at, nil
		}
	}
	t.Logf("%d were given all, %d had a gap", whole, gaps)
	if whole < 100 || gaps < 100 {
		t.Error("too few of one kind")
	}
}
