package conform

import (
	"fmt"
	"strings"
)

// pings are the cases 2.*: pings are answered, pongs are not.
func pings() []Case {
	g := group{title: "2 Pings and pongs"}
	const answered = "A pong with the same payload."
	long := strings.Repeat("\xfe", 125)
	answeredPing := func(payload string, chop int) exchange {
		return exchange{steps: []step{chopped(chop, ping(payload))}, ok: []event{pongEvent(payload)}, end: normal}
	}
	g.add("2.1", "An empty ping", "A ping without payload.", "A pong without payload.", answeredPing("", 0))
	g.add("2.2", "A ping with text", "A ping with a short text.", answered, answeredPing("Hello, world!", 0))
	g.add("2.3", "A ping with binary", "A ping with 8 bytes that are not UTF-8.", answered, answeredPing("\x00\xff\xfe\xfd\xfc\xfb\x00\xff", 0))
	g.add("2.4", "The longest ping", "A ping with 125 bytes.", answered, answeredPing(long, 0))
	g.add("2.5", "A ping too long", "A ping with 126 bytes, where 125 are the most.", failsAtOnce, exchange{
		steps: []step{all(ping(long + "\xfe"))}, end: failed,
	})
	g.add("2.6", "The longest ping, byte by byte", "A ping with 125 bytes, in pieces of 1 byte.", answered, answeredPing(long, 1))

	unsolicited := func(payload string) exchange {
		return exchange{steps: []step{all(pong(payload), closeFrame(1000, ""))}, end: normal}
	}
	const nothing = "Nothing but the answer to the Close."
	g.add("2.7", "An empty pong nobody asked for", "A pong without payload, then a Close.", nothing, unsolicited(""))
	g.add("2.8", "A pong nobody asked for", "A pong with payload, then a Close.", nothing, unsolicited("unsolicited pong payload"))
	g.add("2.9", "A pong nobody asked for, then a ping", "A pong with payload, then a ping with another.",
		"A pong with the ping's payload, nothing for the pong.", exchange{
			steps: []step{all(pong("unsolicited pong payload"), ping("ping payload"))},
			ok:    []event{pongEvent("ping payload")},
			end:   normal,
		})

	for i, chop := range []int{0, 1} {
		var frames []Frame
		var pongs []event
		for n := range 10 {
			payload := fmt.Sprintf("payload-%d", n)
			frames = append(frames, ping(payload))
			pongs = append(pongs, pongEvent(payload))
		}
		how := [...]string{"", ", byte by byte"}[i]
		g.add(fmt.Sprintf("2.%d", 10+i), "Ten pings"+how, "Ten pings with different payloads"+how+".",
			"Ten pongs in the same order, though RFC 6455 5.5.3 would allow fewer.",
			exchange{steps: []step{chopped(chop, frames...)}, ok: pongs, end: normal})
	}
	return g.cases
}
