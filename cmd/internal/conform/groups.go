package conform

import (
	"context"
	"fmt"
	"slices"
)

// Cases returns all cases in the order of reports. The slice is the caller's.
func Cases() []Case {
	numbered := slices.Concat(framing(), pings(), reservedBits(), opcodes(), fragmentation(), utf8Text(), closings())
	beyond := slices.Concat(headers(), closeCodes(), handshakes(), attacks())
	deflated := slices.Concat(declines(), deflatedMessages(), corruptMessages())
	small := slices.Concat(numbered, autoFragmentation(), beyond, deflated)
	return slices.Concat(numbered, limits(), autoFragmentation(), compressionKinds(), compressionParameters(),
		beyond, agreements(), deflated, bytewise(small))
}

// group gathers the cases of one group.
type group struct {
	title string
	cases []Case
}

// add adds a case that plays x.
func (g *group) add(id, title, sent, expected string, x exchange) *Case {
	g.cases = append(g.cases, Case{
		ID: id, Group: g.title, Title: title, Sent: sent, Expected: expected,
		Run: func(ctx context.Context, s *Session) { s.play(ctx, x) },
	})
	return &g.cases[len(g.cases)-1]
}

// What several groups expect, in words.
const (
	echoed        = "The message comes back as it was sent."
	failsAtOnce   = "The server fails the connection at once with 1002, or ends TCP."
	echoThenFails = "The first message comes back, then the server fails the connection with 1002, or ends TCP. No pong comes."
)

// counted is n things.
func counted(n int, thing string) string {
	if n == 1 {
		return "1 " + thing
	}
	return fmt.Sprintf("%d %ss", n, thing)
}
