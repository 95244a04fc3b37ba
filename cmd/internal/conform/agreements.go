package conform

import (
	"context"
	"fmt"
	"strings"

	"github.com/framerail/framerail/cmd/internal/conform/deflate"
)

// beyondCompression is the title of the cases deflate.*, which go beyond Autobahn's.
const beyondCompression = "Compression beyond 12 and 13"

// agreements are the cases deflate.1.*: every window in each direction, with context
// takeover, of which both sides make use as far as the server has agreed to it.
func agreements() []Case {
	g := group{title: beyondCompression}
	add := func(title string, offers []deflate.Offer, lines ...string) {
		if lines == nil {
			for _, o := range offers {
				lines = append(lines, o.String())
			}
		}
		g.add(fmt.Sprintf("deflate.1.%d", len(g.cases)+1), title,
			"Compressed messages of many lengths and kinds, that refer to earlier ones where that was agreed. The offer is "+strings.Join(lines, ", and in a line of its own ")+".",
			sameAndInWindow, exchange{}).Run = func(ctx context.Context, s *Session) {
			if c := s.openCompressed(ctx, lines, offers); c != nil {
				s.volley(ctx, c, len(miscellany), 0, opBinary, gotBinary, miscellaneous())
			}
		}
	}
	add("Nothing asked", []deflate.Offer{{}})
	for bits := 8; bits <= 15; bits++ {
		add(fmt.Sprintf("A server window of %d bits", bits), []deflate.Offer{{ServerMaxWindowBits: bits}})
	}
	for bits := 8; bits <= 15; bits++ {
		add(fmt.Sprintf("A client window of %d bits", bits), []deflate.Offer{{ClientMaxWindowBits: bits}})
	}
	add("Any client window", []deflate.Offer{{ClientMaxWindowBits: deflate.NoValue}})
	add("No server takeover", []deflate.Offer{{ServerNoContextTakeover: true}})
	add("No client takeover", []deflate.Offer{{ClientNoContextTakeover: true}})
	add("Everything asked", []deflate.Offer{{ServerNoContextTakeover: true, ClientNoContextTakeover: true, ServerMaxWindowBits: 9, ClientMaxWindowBits: 10}})

	nine := []deflate.Offer{{ServerMaxWindowBits: 9}}
	add("No blanks", nine, "permessage-deflate;server_max_window_bits=9")
	add("Blanks and tabs", nine, "permessage-deflate \t; \tserver_max_window_bits \t= \t9")
	add("A value in quotes", nine, `permessage-deflate; server_max_window_bits="9"`)
	add("Behind another extension", nine, "x-framerail-conform; a=1, permessage-deflate; server_max_window_bits=9")
	add("Behind another extension's value in quotes", nine, `x-framerail-conform; a="permessage-deflate", permessage-deflate; server_max_window_bits=9`)
	add("In the second line", nine, "x-framerail-conform", "permessage-deflate; server_max_window_bits=9")
	add("Behind an offer with an unknown parameter", nine, "permessage-deflate; level=9, permessage-deflate; server_max_window_bits=9")
	add("Behind an offer with a bad window, in a line of its own", nine,
		"permessage-deflate; server_max_window_bits=16", "permessage-deflate; server_max_window_bits=9")
	return g.cases
}

// miscellany are the lengths of a case's messages: around the ends of a length's forms and
// of windows, and far beyond.
var miscellany = []int{
	16, 0, 1, 100, 125, 126, 127, 255, 256, 257, 300, 511, 512, 513, 1000, 2000, 4096, 4097, 10_000,
	32_767, 32_768, 32_769, 40_000, 65_535, 65_536, 100_000, 0, 3, 500, 20_000,
}

// miscellaneous returns messages of those lengths, of all kinds of data.
func miscellaneous() func() []byte {
	i := 0
	return func() []byte {
		data := specimens[i%len(specimens)].bytes()
		from := i * 777 % 50_000
		message := data[from : from+miscellany[i]]
		i++
		return message
	}
}

// declines are the cases deflate.2.*: offers that have to be declined: RFC 7692 5.1 and
// 7.1. The connection opens without the extension, and messages come back as they are.
func declines() []Case {
	g := group{title: beyondCompression}
	for _, o := range []struct{ title, line string }{
		{"An unknown parameter", "permessage-deflate; level=9"},
		{"A parameter of another case", "permessage-deflate; Server_Max_Window_Bits=10"},
		{"server_max_window_bits without a value", "permessage-deflate; server_max_window_bits"},
		{"A server window of 0 bits", "permessage-deflate; server_max_window_bits=0"},
		{"A server window of 7 bits", "permessage-deflate; server_max_window_bits=7"},
		{"A server window of 16 bits", "permessage-deflate; server_max_window_bits=16"},
		{"A server window of 99 bits", "permessage-deflate; server_max_window_bits=99"},
		{"A server window of 2^64+10 bits", "permessage-deflate; server_max_window_bits=18446744073709551626"},
		{"A server window of 08 bits", "permessage-deflate; server_max_window_bits=08"},
		{"A server window of +9 bits", "permessage-deflate; server_max_window_bits=+9"},
		{"A server window of 9.0 bits", "permessage-deflate; server_max_window_bits=9.0"},
		{"A client window of 7 bits", "permessage-deflate; client_max_window_bits=7"},
		{"A client window of 16 bits", "permessage-deflate; client_max_window_bits=16"},
		{"A client window of 010 bits", "permessage-deflate; client_max_window_bits=010"},
		{"server_no_context_takeover with a value", "permessage-deflate; server_no_context_takeover=1"},
		{"client_no_context_takeover with a value", "permessage-deflate; client_no_context_takeover=true"},
		{"A parameter twice", "permessage-deflate; server_no_context_takeover; server_no_context_takeover"},
		{"A window twice", "permessage-deflate; server_max_window_bits=10; server_max_window_bits=10"},
		{"A longer name", "permessage-deflate2"},
		{"The name within another", "x-permessage-deflate"},
		{"The name as another's parameter", "x-framerail-conform; permessage-deflate"},
		{"The name in another's quotes", `x-framerail-conform; a="permessage-deflate"`},
	} {
		x := exchange{steps: []step{all(text(hello))}, ok: []event{textEvent(hello)}, end: normal}
		g.add(fmt.Sprintf("deflate.2.%d", len(g.cases)+1), o.title,
			"The offer "+o.line+", then a text message that is not compressed.",
			"The answer names no extension, and the message comes back as it was sent.", x,
		).Run = func(ctx context.Context, s *Session) {
			accepted := func(answer []string) (decoder, error) {
				return nil, faultf("the extensions %q in answer to an offer that has to be declined (RFC 7692 5.1, 7.1)", answer)
			}
			if s.open(ctx, opening{extensions: []string{o.line}, agree: accepted}) {
				s.converse(ctx, x)
			}
		}
	}
	return g.cases
}
