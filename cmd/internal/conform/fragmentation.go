package conform

import "fmt"

// pieces are the three ways in which a group's cases reach the server.
var pieces = []struct {
	chop int
	how  string
}{{0, "in one piece"}, {eachFrame, "frame by frame"}, {1, "byte by byte"}}

// fragmentation are the cases 5.*: messages in several frames, and what may stand
// between them.
func fragmentation() []Case {
	g := group{title: "5 Fragmentation"}
	first, second := text("fragment1").more(), continuation("fragment2")
	whole := textEvent("fragment1fragment2")

	for i, name := range []string{"ping", "pong"} {
		opcode := []byte{opPing, opPong}[i]
		g.add(fmt.Sprintf("5.%d", i+1), "A "+name+" in two fragments",
			"A "+name+" that is not final, then a continuation frame.", failsAtOnce, exchange{
				steps: []step{all(Frame{Opcode: opcode, More: true, Payload: []byte("fragment1")}, second)},
				end:   failed,
			})
	}
	for i, p := range pieces {
		g.add(fmt.Sprintf("5.%d", 3+i), "A message in two fragments, "+p.how, "A text message in two fragments, "+p.how+".",
			echoed, exchange{steps: []step{chopped(p.chop, first, second)}, ok: []event{whole}, end: normal})
	}
	for i, p := range pieces {
		g.add(fmt.Sprintf("5.%d", 6+i), "A ping between fragments, "+p.how,
			"A text message in two fragments with a ping between them, "+p.how+".",
			"A pong, then the message.", exchange{
				steps: []step{chopped(p.chop, first, ping("ping payload"), second)},
				ok:    []event{pongEvent("ping payload"), whole},
				end:   normal,
			})
	}
	for n, more := range []bool{false, true} {
		for i, p := range pieces {
			start := continuation("non-continuation payload")
			start.More = more
			what := [...]string{"final", "not final"}[n]
			g.add(fmt.Sprintf("5.%d", 9+3*n+i), "A continuation of nothing, "+what+", "+p.how,
				"A continuation frame, "+what+", with nothing to continue, then a text message, "+p.how+".", failsAtOnce,
				exchange{steps: []step{chopped(p.chop, start, text(hello))}, end: failed})
		}
	}
	g.add("5.15", "A continuation behind a message's end",
		"A text message in two fragments, a third fragment that is not final, a text message.",
		"The first message comes back, then the server fails the connection with 1002, or ends TCP.", exchange{
			steps: []step{all(first, second, continuation("fragment3").more(), text("fragment4"))},
			ok:    []event{whole},
			lax:   []event{},
			end:   failed,
		})
	for i, more := range []bool{true, false} {
		start := continuation("fragment1")
		start.More = more
		what := [...]string{"not final", "final"}[i]
		frames := []Frame{start, text("fragment2").more(), continuation("fragment3")}
		g.add(fmt.Sprintf("5.%d", 16+i), "A continuation of nothing, "+what+", twice",
			"Twice: a continuation frame, "+what+", with nothing to continue, then a text message in two fragments.",
			failsAtOnce, exchange{steps: []step{all(append(frames, frames...)...)}, end: failed})
	}
	g.add("5.18", "A fragment that says text again", "A text message in two fragments, both with the opcode for text.",
		failsAtOnce, exchange{steps: []step{all(first, text("fragment2"))}, end: failed})
	g.between()
	return g.cases
}

// between adds the cases whose pings have to be answered before the message is whole.
func (g *group) between() {
	for i, p := range pieces[:2] {
		before := []Frame{text("fragment1").more(), continuation("fragment2").more(), ping("pongme 1!")}
		after := []Frame{continuation("fragment3").more(), continuation("fragment4").more(), ping("pongme 2!"), continuation("fragment5")}
		pongs := []event{pongEvent("pongme 1!"), pongEvent("pongme 2!")}
		message := textEvent("fragment1fragment2fragment3fragment4fragment5")
		g.add(fmt.Sprintf("5.%d", 19+i), "Two pings between five fragments, "+p.how,
			"Two fragments and a ping; when that is answered, two fragments, a ping and the last fragment, "+p.how+".",
			"A pong before the message is whole, another pong, then the message.", exchange{
				steps: []step{chopped(p.chop, before...), awaitEvents(1, "for the pong"), chopped(p.chop, after...)},
				ok:    []event{pongs[0], pongs[1], message},
				lax:   []event{silenceEvent("for the pong"), pongs[0], pongs[1], message},
				end:   normal,
			})
	}
}
