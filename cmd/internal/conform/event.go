package conform

import (
	"bytes"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// eventKind says what an event is.
type eventKind uint8

const (
	gotText eventKind = iota
	gotBinary
	gotPing
	gotPong
	silence // the server did nothing while the client paused
)

// event is what a case waits for: a whole message, a ping, a pong, a pause that
// went by.
type event struct {
	kind    eventKind
	payload []byte // of a silence, the pause's name
}

func textEvent(payload string) event   { return event{gotText, []byte(payload)} }
func binaryEvent(payload []byte) event { return event{gotBinary, payload} }
func pongEvent(payload string) event   { return event{gotPong, []byte(payload)} }
func silenceEvent(name string) event   { return event{silence, []byte(name)} }

func (e event) equal(o event) bool { return e.kind == o.kind && bytes.Equal(e.payload, o.payload) }

// startsWith reports whether want begins with got: whether the rest may still come.
// seen is how much of got is known to, and is moved on.
func startsWith(want, got []event, seen *int) bool {
	for *seen < len(got) && *seen < len(want) && got[*seen].equal(want[*seen]) {
		*seen++
	}
	return *seen == len(got)
}

// String tells the event in a report.
func (e event) String() string {
	switch e.kind {
	case gotText:
		return "text " + excerpt(e.payload)
	case gotBinary:
		return "binary " + excerpt(e.payload)
	case gotPing:
		return "ping " + excerpt(e.payload)
	case gotPong:
		return "pong " + excerpt(e.payload)
	}
	return "silence " + string(e.payload)
}

// maxExcerpt is how many bytes of a payload a sentence shows.
const maxExcerpt = 32

// excerpt is a payload's length and its first bytes, readable and on one line
// whatever they are.
func excerpt(payload []byte) string {
	if len(payload) == 0 {
		return "(empty)"
	}
	head, more := payload, ""
	if len(head) > maxExcerpt {
		head, more = head[:maxExcerpt], "..."
	}
	shown := fmt.Sprintf("0x%x", head)
	if printable(head) {
		shown = fmt.Sprintf("%q", head)
	}
	return fmt.Sprintf("%s%s (%d bytes)", shown, more, len(payload))
}

func printable(b []byte) bool {
	return utf8.Valid(b) && strings.IndexFunc(string(b), func(r rune) bool { return !unicode.IsPrint(r) }) < 0
}

// maxNamed is how many events a sentence names.
const maxNamed = 12

// tell puts events into a sentence.
func tell(events []event) string {
	if len(events) == 0 {
		return "no message, ping or pong"
	}
	var parts []string
	for i, e := range events {
		if i == maxNamed {
			parts = append(parts, fmt.Sprintf("and %d more", len(events)-i))
			break
		}
		parts = append(parts, e.String())
	}
	return strings.Join(parts, "; ")
}
