package conform

import (
	"context"
	"fmt"
	"math/rand/v2"
	"time"
)

// pattern returns n bytes that no stretch of repeats, so that nothing lost, doubled
// or moved goes unseen. As text they are ASCII.
func pattern(n int, asText bool) []byte {
	b := make([]byte, n)
	r := rand.New(rand.NewPCG(uint64(n), 9))
	for i := range b {
		if b[i] = byte(r.Uint32()); asText {
			b[i] = ' ' + b[i]%95
		}
	}
	return b
}

// limits are the cases 9.*: long messages, in frames and pieces of many sizes, and
// many messages. What comes back is compared byte by byte.
func limits() []Case {
	g := group{title: "9 Limits and performance"}
	for kind, opcode := range []byte{opText, opBinary} {
		name := opcodeName(opcode)
		for i, length := range []int{64 << 10, 256 << 10, 1 << 20, 4 << 20, 8 << 20, 16 << 20} {
			g.large(fmt.Sprintf("9.%d.%d", 1+kind, i+1), opcode, length, 0, 0,
				fmt.Sprintf("A %s message of %s", name, size(length)))
		}
	}
	for kind, opcode := range []byte{opText, opBinary} {
		name := opcodeName(opcode)
		for i, fragment := range []int{64, 256, 1 << 10, 4 << 10, 16 << 10, 64 << 10, 256 << 10, 1 << 20, 4 << 20} {
			g.large(fmt.Sprintf("9.%d.%d", 3+kind, i+1), opcode, 4<<20, fragment, 0,
				fmt.Sprintf("A %s message of 4 MiB in fragments of %s", name, size(fragment)))
		}
	}
	for kind, opcode := range []byte{opText, opBinary} {
		name := opcodeName(opcode)
		for i, chop := range []int{64, 128, 256, 512, 1 << 10, 2 << 10} {
			g.large(fmt.Sprintf("9.%d.%d", 5+kind, i+1), opcode, 1<<20, 0, chop,
				fmt.Sprintf("A %s message of 1 MiB in pieces of %s", name, size(chop)))
		}
	}
	for kind, opcode := range []byte{opText, opBinary} {
		for i, length := range []int{0, 16, 64, 256, 1 << 10, 4 << 10} {
			g.roundTrips(fmt.Sprintf("9.%d.%d", 7+kind, i+1), opcode, length)
		}
	}
	for i := range g.cases {
		g.cases[i].Serial, g.cases[i].Timeout = true, 2*time.Minute
	}
	return g.cases
}

// size is n bytes in words.
func size(n int) string {
	switch {
	case n >= 1<<20:
		return fmt.Sprintf("%d MiB", n>>20)
	case n >= 1<<10:
		return fmt.Sprintf("%d KiB", n>>10)
	}
	return counted(n, "byte")
}

// large adds a case with one message: length bytes, in fragments and in pieces if
// these are not 0. It is made when it is played, as all of them are 200 MiB.
func (g *group) large(id string, opcode byte, length, fragment, chop int, title string) {
	c := g.add(id, title, title+".", "The message comes back, every byte as it was sent.", exchange{})
	c.Run = func(ctx context.Context, s *Session) {
		payload := pattern(length, opcode == opText)
		kind := gotText
		if opcode == opBinary {
			kind = gotBinary
		}
		frames := []Frame{{Opcode: opcode, Payload: payload}}
		if fragment != 0 {
			frames = fragments(opcode, payload, fragment)
		}
		s.play(ctx, exchange{steps: []step{chopped(chop, frames...)}, ok: []event{{kind, payload}}, end: normal})
	}
}

// trips is how many messages go back and forth in a case of round trips.
const trips = 1000

// roundTrips adds a case with many messages, each sent when the last is back.
func (g *group) roundTrips(id string, opcode byte, length int) {
	name := opcodeName(opcode)
	title := fmt.Sprintf("%d %s messages of %s, one after the other", trips, name, size(length))
	c := g.add(id, title, title+": each when the last is back.", "Every message comes back as it was sent.", exchange{})
	c.Run = func(ctx context.Context, s *Session) {
		payload := pattern(length, opcode == opText)
		kind := gotText
		if opcode == opBinary {
			kind = gotBinary
		}
		var x exchange
		x.end = normal
		for i := range trips {
			x.steps = append(x.steps, all(Frame{Opcode: opcode, Payload: payload}), awaitEvents(i+1, "for the echo"))
			x.ok = append(x.ok, event{kind, payload})
		}
		s.play(ctx, x)
	}
}
