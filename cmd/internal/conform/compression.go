package conform

import (
	"context"
	"fmt"
	"time"

	"github.com/framerail/framerail/cmd/internal/conform/deflate"
)

// DefaultMessages is how many messages each of the cases 12.* and 13.* sends.
const DefaultMessages = 1000

// volleys are the cases that each kind of data and each set of parameters has, in the
// order of their numbers.
var volleys = []struct {
	length, fragment int
	timeout          time.Duration
}{
	{16, 0, 60 * time.Second},
	{64, 0, 60 * time.Second},
	{256, 0, 120 * time.Second},
	{1 << 10, 0, 240 * time.Second},
	{4 << 10, 0, 480 * time.Second},
	{8 << 10, 0, 480 * time.Second},
	{16 << 10, 0, 480 * time.Second},
	{32 << 10, 0, 480 * time.Second},
	{64 << 10, 0, 480 * time.Second},
	{128 << 10, 0, 480 * time.Second},
	{8 << 10, 256, 480 * time.Second},
	{16 << 10, 256, 480 * time.Second},
	{32 << 10, 256, 480 * time.Second},
	{64 << 10, 256, 480 * time.Second},
	{128 << 10, 256, 480 * time.Second},
	{128 << 10, 1 << 10, 480 * time.Second},
	{128 << 10, 4 << 10, 480 * time.Second},
	{128 << 10, 32 << 10, 480 * time.Second},
}

// compressionKinds are the cases 12.*: many messages of five kinds of data.
func compressionKinds() []Case {
	g := group{title: "12 Compression of kinds of data"}
	offers := []deflate.Offer{asking(false, 0)}
	for i, data := range specimens {
		g.volleys(12, i+1, data.name, data, offers)
	}
	return g.cases
}

// compressionParameters are the cases 13.*: many messages with seven sets of
// parameters. Every offer says that the client will not take its context over.
func compressionParameters() []Case {
	g := group{title: "13 Compression with parameters"}
	for i, set := range []struct {
		name   string
		offers []deflate.Offer
	}{
		{"no parameter for the server", []deflate.Offer{asking(false, 0)}},
		{"no server takeover", []deflate.Offer{asking(true, 0)}},
		{"a server window of 9 bits", []deflate.Offer{asking(false, 9)}},
		{"a server window of 15 bits", []deflate.Offer{asking(false, 15)}},
		{"no server takeover, a server window of 9 bits", []deflate.Offer{asking(true, 9)}},
		{"no server takeover, a server window of 15 bits", []deflate.Offer{asking(true, 15)}},
		{"three offers", []deflate.Offer{asking(true, 9), asking(true, 0), asking(false, 0)}},
	} {
		g.volleys(13, i+1, set.name, specimens[0], set.offers)
	}
	return g.cases
}

// asking is an offer with what it asks of the server. Of the client it says what all
// offers of these cases do.
func asking(noTakeover bool, bits int) deflate.Offer {
	return deflate.Offer{
		ServerNoContextTakeover: noTakeover, ServerMaxWindowBits: bits,
		ClientNoContextTakeover: true, ClientMaxWindowBits: deflate.NoValue,
	}
}

// volleys adds the cases of one kind of data and one set of offers.
func (g *group) volleys(first, second int, name string, data *specimen, offers []deflate.Offer) {
	line := offers[0].String()
	for _, o := range offers[1:] {
		line += ", " + o.String()
	}
	for i, v := range volleys {
		cut := ""
		if v.fragment != 0 {
			cut = ", in fragments of " + size(v.fragment)
		}
		opcode, kind := data.kind()
		sent := fmt.Sprintf("Compressed %s messages of %s%s, each when the last is back: %d, or as many as the run says. The offer is %s.",
			opcodeName(opcode), size(v.length), cut, DefaultMessages, line)
		id := fmt.Sprintf("%d.%d.%d", first, second, i+1)
		c := g.add(id, fmt.Sprintf("%s: messages of %s%s", name, size(v.length), cut), sent, sameAndInWindow, exchange{})
		c.Timeout = v.timeout
		c.Run = func(ctx context.Context, s *Session) {
			if agreed := s.openCompressed(ctx, []string{line}, offers); agreed != nil {
				s.volley(ctx, agreed, s.messages, v.fragment, opcode, kind, data.slices(v.length))
			}
		}
	}
}

const sameAndInWindow = "Every message comes back as it was sent, and what is compressed keeps to the parameters of the answer, which keeps to the offer's."
