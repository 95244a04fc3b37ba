package redis

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/framerail/framerail/topics"
)

// modelTopic is a topic as it should be.
type modelTopic struct {
	keep topics.History
	all  []string
	kept int // of those, at the end
}

func (m *modelTopic) publish(text string) {
	m.all = append(m.all, text)
	m.kept = min(m.kept+1, max(m.keep.Messages, 1))
	for m.keep.Bytes > 0 && m.kept > 1 && len(strings.Join(m.all[len(m.all)-m.kept:], "")) > m.keep.Bytes {
		m.kept--
	}
	if m.keep.Bytes > 0 && len(text) > m.keep.Bytes && !m.keep.Last {
		m.kept = 0
	}
}

// Random histories: what is kept is exactly what should be, and every answer is all or a no.
func TestSince_LikeTheModel(t *testing.T) {
	r := startServer(t)
	n := run(t, r.broker())
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	rnd := rand.New(rand.NewPCG(seed, 1))
	for i := range 40 {
		name := fmt.Sprint("topic.", i)
		m := &modelTopic{keep: topics.History{Messages: rnd.IntN(6), Last: rnd.IntN(2) == 0, Bytes: rnd.IntN(2) * (1 + rnd.IntN(60))}}
		if m.keep.Messages == 0 {
			m.keep.Last = true
		}
		epoch := n.position(name, m.keep).Epoch
		for range 1 + rnd.IntN(25) {
			for range rnd.IntN(4) {
				text := strings.Repeat("x", rnd.IntN(30))
				m.publish(text)
				n.publish(name, m.keep, text)
			}
			from := rnd.IntN(len(m.all) + 2)
			got, at, err := n.since(name, m.keep, topics.Position{Epoch: epoch, Offset: uint64(from)})
			switch {
			case at != topics.Position{Epoch: epoch, Offset: uint64(len(m.all))}:
				t.Fatalf("%+v: at %v, behind %d messages", m.keep, at, len(m.all))
			case from > len(m.all) || from < len(m.all)-m.kept:
				if !errors.Is(err, topics.ErrGap) {
					t.Fatalf("%+v: since %d of %d, %d kept: %q, %v", m.keep, from, len(m.all), m.kept, got, err)
				}
			case err != nil || !slices.Equal(got, m.all[from:]):
				t.Fatalf("%+v: since %d of %d, %d kept: %q, %v", m.keep, from, len(m.all), m.kept, got, err)
			}
		}
	}
}
