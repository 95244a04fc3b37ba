package report

import (
	"encoding/hex"
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/framerail/framerail/cmd/internal/conform"
	"github.com/framerail/framerail/cmd/internal/printable"
)

// excerpt bounds how much of a wire log is shown. The JSON report has all of it.
type excerpt struct {
	first, last int // records from the log's two ends
	data        int // bytes of each payload
}

// A log is read when something is wrong: what passed keeps enough to see what
// the case is like.
var (
	excerptPassed = excerpt{first: 12, last: 6, data: 48}
	excerptOther  = excerpt{first: 90, last: 30, data: 160}
)

func excerptOf(r *conform.Result) excerpt {
	if r.Passed() && r.Verdict == conform.OK {
		return excerptPassed
	}
	return excerptOther
}

// line is a record of a wire log, made readable. All of it is clean.
type line struct {
	At    string // milliseconds since the case began
	Dir   string // "sent", "received" or "note"
	Arrow string
	Name  string // the frame's opcode, "bytes", or "" for a note
	Flags string // the header's other fields
	Size  string // of the payload
	Text  string // its first bytes, or the note
}

// lines returns what x lets through of a log, with a note where something is
// left out.
func lines(log []conform.Record, x excerpt) []line {
	left := len(log) - x.first - x.last
	if left < 2 { // the note would take as much room
		left = 0
		x.first = len(log)
	}
	out := make([]line, 0, min(len(log), x.first+x.last+1))
	for i := range log[:x.first] {
		out = append(out, newLine(&log[i], x.data))
	}
	if left > 0 {
		out = append(out, line{Dir: "note", Text: fmt.Sprintf("%s lines are left out here; the JSON report has them", count(left))})
		for i := range log[x.first+left:] {
			out = append(out, newLine(&log[x.first+left+i], x.data))
		}
	}
	return out
}

func newLine(r *conform.Record, most int) line {
	l := line{At: milliseconds(r.At), Dir: direction(r.Dir), Text: printable.Text(r.Note)}
	if r.Dir == conform.Note {
		return l
	}
	l.Arrow = "→"
	if r.Dir == conform.Received {
		l.Arrow = "←"
	}
	l.Size = count(int(r.Length)) + " B"
	if r.Header == nil {
		l.Name = "bytes"
		most = max(most, conform.MaxRecordData) // mostly a handshake, which one wants to see whole
	} else {
		l.Name, l.Flags = opcodeName(r.Header.Opcode), flags(r)
	}
	if data := payload(r, most); data != "" {
		l.Text = strings.TrimSpace(data + " " + l.Text)
	}
	return l
}

// direction is the word that all forms use.
func direction(d conform.Direction) string {
	switch d {
	case conform.Sent:
		return "sent"
	case conform.Received:
		return "received"
	}
	return "note"
}

// String is the line as plain text, in columns.
func (l line) String() string {
	if l.Dir == "note" {
		return fmt.Sprintf("%9s  · %s", l.At, l.Text)
	}
	head := strings.TrimSpace(l.Name + " " + l.Flags)
	return strings.TrimRight(fmt.Sprintf("%9s  %s %s, %s  %s", l.At, l.Arrow, head, l.Size, l.Text), " ")
}

// opcodeName is RFC 6455 11.8's name of an opcode.
func opcodeName(opcode byte) string {
	switch opcode {
	case 0:
		return "CONTINUATION"
	case 1:
		return "TEXT"
	case 2:
		return "BINARY"
	case 8:
		return "CLOSE"
	case 9:
		return "PING"
	case 10:
		return "PONG"
	}
	return fmt.Sprintf("RESERVED %X", opcode)
}

// flags says what else a frame's header has; masking only where it is the wrong
// way round for its sender (RFC 6455 5.1).
func flags(r *conform.Record) string {
	h := r.Header
	var words []string
	if h.Fin {
		words = append(words, "FIN")
	}
	for bit, name := range []string{"RSV3", "RSV2", "RSV1"} {
		if h.RSV&(1<<bit) != 0 {
			words = append(words, name)
		}
	}
	switch {
	case h.Masked && r.Dir == conform.Received:
		words = append(words, "masked")
	case !h.Masked && r.Dir == conform.Sent:
		words = append(words, "unmasked")
	}
	if h.Length != r.Length {
		words = append(words, "claims "+strconv.FormatInt(h.Length, 10)+" B")
	}
	return strings.Join(words, " ")
}

// payload shows the first bytes of a payload: as a quoted string where they are
// text, else in hexadecimal. A Close frame has its code ahead.
func payload(r *conform.Record, most int) string {
	data, code := r.Data, ""
	if r.Header != nil && r.Header.Opcode == 8 && len(data) >= 2 {
		code = strconv.Itoa(int(data[0])<<8 | int(data[1]))
		data = data[2:]
	}
	if len(data) == 0 {
		return code
	}
	rest := int(r.Length) - len(r.Data) + max(len(data)-most, 0)
	data = data[:min(len(data), most)]

	shown := hexadecimal(data)
	if s, ok := readable(data, rest > 0); ok {
		shown = strconv.Quote(s)
	}
	if rest > 0 {
		shown += " and " + count(rest) + " B"
	}
	return strings.TrimSpace(code + " " + shown)
}

// readable returns b as a string if it is UTF-8 and mostly to be seen. Where b is only a
// beginning, its last character may be half one, and is left away.
func readable(b []byte, begins bool) (string, bool) {
	if begins {
		for i := 1; i < utf8.UTFMax && i <= len(b); i++ {
			if utf8.RuneStart(b[len(b)-i]) {
				if !utf8.FullRune(b[len(b)-i:]) {
					b = b[:len(b)-i]
				}
				break
			}
		}
	}
	if !utf8.Valid(b) {
		return "", false
	}
	s, hidden := string(b), 0
	for _, r := range s {
		if !printable.Is(r) && r != '\n' && r != '\r' && r != '\t' {
			hidden++
		}
	}
	return s, hidden*8 <= len(s)
}

// hexadecimal is b in groups of four bytes, to be counted by eye.
func hexadecimal(b []byte) string {
	var s strings.Builder
	for i := 0; i < len(b); i += 4 {
		if i > 0 {
			s.WriteByte(' ')
		}
		s.WriteString(hex.EncodeToString(b[i:min(i+4, len(b))]))
	}
	return s.String()
}

func milliseconds(d time.Duration) string {
	return strconv.FormatFloat(float64(d.Microseconds())/1000, 'f', 3, 64)
}

// count is n with a comma for every thousand.
func count(n int) string {
	s := strconv.Itoa(n)
	for i := len(s) - 3; i > 0 && s[i-1] != '-'; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

// took is how long something took, in the unit that suits it.
func took(d time.Duration) string {
	switch {
	case d < 10*time.Millisecond:
		return strconv.FormatFloat(float64(d.Microseconds())/1000, 'f', 1, 64) + " ms"
	case d < time.Second:
		return strconv.FormatInt(d.Milliseconds(), 10) + " ms"
	case d < time.Minute:
		return strconv.FormatFloat(d.Seconds(), 'f', 1, 64) + " s"
	}
	return fmt.Sprintf("%d min %02d s", int(d.Minutes()), int(d.Seconds())%60)
}
