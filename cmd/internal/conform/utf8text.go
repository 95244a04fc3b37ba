package conform

import (
	"fmt"
	"strings"
)

// Texts of the cases 6.2 to 6.4: a Greek word, which is right, and what may follow it.
const (
	greek     = "\xce\xba\xe1\xbd\xb9\xcf\x83\xce\xbc\xce\xb5"
	surrogate = "\xed\xa0\x80"     // U+D800, wrong in its second byte
	beyond    = "\xf4\x90\x80\x80" // U+110000, wrong in its second byte
	edited    = "edited"
)

const badTextFails = "The server fails the connection with 1007, or ends TCP: the text is not UTF-8."

// utf8Text are the cases 6.*: text is UTF-8, whatever its frames; else it is refused.
func utf8Text() []Case {
	g := group{title: "6 UTF-8"}
	g.emptyFragments()
	g.wholeText()
	g.brokenText()
	g.failFast()
	for i, set := range utf8Sets {
		for j, sequence := range set.sequences {
			id := fmt.Sprintf("6.%d.%d", 5+i, j+1)
			x := exchange{steps: []step{all(text(sequence.bytes))}, ok: []event{textEvent(sequence.bytes)}, end: normal}
			sent, expected := fmt.Sprintf("A text message of the bytes %x, which are UTF-8.", sequence.bytes), echoed
			if !sequence.valid {
				x.ok, x.end = nil, badText
				sent, expected = fmt.Sprintf("A text message of the bytes %x, which are not UTF-8.", sequence.bytes), badTextFails
			}
			g.add(id, set.title, sent, expected, x)
		}
	}
	return g.cases
}

// emptyFragments adds 6.1.*.
func (g *group) emptyFragments() {
	g.add("6.1.1", "An empty text", "A text message of 0 bytes.", echoed,
		exchange{steps: []step{all(text(""))}, ok: []event{textEvent("")}, end: normal})
	g.add("6.1.2", "Three empty fragments", "A text message in three fragments, all empty.", echoed, exchange{
		steps: []step{all(text("").more(), continuation("").more(), continuation(""))},
		ok:    []event{textEvent("")}, end: normal,
	})
	const middle = "middle frame payload"
	g.add("6.1.3", "Empty fragments around another", "A text message in three fragments, of which the first and the last are empty.",
		echoed, exchange{
			steps: []step{all(text("").more(), continuation(middle).more(), continuation(""))},
			ok:    []event{textEvent(middle)}, end: normal,
		})
}

// wholeText adds 6.2.*.
func (g *group) wholeText() {
	const half1, half2 = "Hello-µ@ßöä", "üàá-UTF-8!!"
	oneByOne := func(s string) step { return all(fragments(opText, []byte(s), 1)...) }
	good := func(id, title, sent, payload string, how step) {
		g.add(id, title, sent, echoed, exchange{steps: []step{how}, ok: []event{textEvent(payload)}, end: normal})
	}
	good("6.2.1", "Text beyond ASCII", "A text message with characters of two bytes.", half1+half2, all(text(half1+half2)))
	good("6.2.2", "Fragments between characters", "The same text in two fragments, cut between two characters.", half1+half2,
		all(text(half1).more(), continuation(half2)))
	good("6.2.3", "Fragments within characters", "The same text in fragments of 1 byte.", half1+half2, oneByOne(half1+half2))
	good("6.2.4", "Fragments within longer characters", "A Greek word, with a character of three bytes, in fragments of 1 byte.", greek, oneByOne(greek))
}

// brokenText adds 6.3.*.
func (g *group) brokenText() {
	const broken = greek + surrogate + edited
	g.add("6.3.1", "A surrogate in one frame", "A text message with a UTF-16 surrogate in its midst.", badTextFails,
		exchange{steps: []step{all(text(broken))}, end: badText})
	g.add("6.3.2", "A surrogate in fragments", "The same in fragments of 1 byte.", badTextFails,
		exchange{steps: []step{all(fragments(opText, []byte(broken), 1)...)}, end: badText})
}

// failFast adds 6.4.*: the first byte that cannot be UTF-8 is enough.
func (g *group) failFast() {
	const expected = "The server takes the first part and fails the connection with 1007 at the second, without waiting for the third. " +
		"To fail it at the third only is NON-STRICT."
	broken := greek + beyond + edited
	cuts := [][]int{{len(greek), len(greek) + len(beyond)}, {len(greek) + 1, len(greek) + 2}}
	upTo := []string{"a character beyond U+10FFFF", "the byte that cannot be right"}
	for i := range 4 {
		cut, what := cuts[i%2], upTo[i%2]
		x := exchange{
			ok:  []event{silenceEvent("A")},
			lax: []event{silenceEvent("A"), silenceEvent("B")},
			end: badText,
		}
		how := "Three fragments"
		if i < 2 {
			x.steps = []step{
				all(text(broken[:cut[0]]).more()), quietFor(pause, "A"),
				all(continuation(broken[cut[0]:cut[1]]).more()), untilPatience("B"),
				all(continuation(broken[cut[1]:])),
			}
		} else {
			how = "One frame in three pieces"
			x.steps = []step{inParts(text(broken), cut, quietFor(pause, "A"), untilPatience("B"))}
		}
		g.add(fmt.Sprintf("6.4.%d", 1+i), how+" with pauses, the second with "+what,
			"A text message: "+lower(how)+" with silence between, right so far; "+what+"; the rest.", expected, x)
	}
}

// utf8Set are sequences that have something in common.
type utf8Set struct {
	title     string
	sequences []utf8Sequence
}

type utf8Sequence struct {
	bytes string
	valid bool
}

func valid(sequences ...string) []utf8Sequence   { return judged(true, sequences) }
func invalid(sequences ...string) []utf8Sequence { return judged(false, sequences) }

func judged(valid bool, sequences []string) []utf8Sequence {
	var all []utf8Sequence
	for _, s := range sequences {
		all = append(all, utf8Sequence{s, valid})
	}
	return all
}

// byteRange is the bytes from first to last with sep behind each.
func byteRange(first, last byte, sep string) string {
	var b strings.Builder
	for c := int(first); c <= int(last); c++ {
		b.WriteByte(byte(c))
		b.WriteString(sep)
	}
	return b.String()
}
