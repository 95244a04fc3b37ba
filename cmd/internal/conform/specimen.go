package conform

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
)

// specimen is data of a kind that goes over WebSockets, made up so that it
// compresses about as that kind does. The same program makes the same bytes.
type specimen struct {
	name string
	text bool // it is sent as text, and all of it is ASCII
	make func(r *rand.Rand) []byte

	once sync.Once
	data []byte
}

// specimens are those of the cases 12.*, in the order of their numbers.
var specimens = []*specimen{
	{name: "JSON", text: true, make: makeJSON},
	{name: "a grey picture", make: makePicture},
	{name: "prose", make: makeProse},
	{name: "HTML", text: true, make: makeHTML},
	{name: "a document with compressed parts", make: makeDocument},
}

// bytes is the specimen, of some 200 KiB.
func (s *specimen) bytes() []byte {
	s.once.Do(func() { s.data = s.make(rand.New(rand.NewPCG(uint64(len(s.name)), 7692))) })
	return s.data
}

// slices returns messages of n bytes, each of which begins where the last one ended,
// round and round. They are valid until the next call.
func (s *specimen) slices(n int) func() []byte {
	data, at := s.bytes(), 0
	message := make([]byte, 0, n)
	return func() []byte {
		message = message[:0]
		for len(message) < n {
			part := data[at:min(at+n-len(message), len(data))]
			message = append(message, part...)
			at = (at + len(part)) % len(data)
		}
		return message
	}
}

// kind is the event that a message of s is when it comes back.
func (s *specimen) kind() (opcode byte, kind eventKind) {
	if s.text {
		return opText, gotText
	}
	return opBinary, gotBinary
}

const specimenSize = 200 << 10

// words are of many lengths; makers take the first ones more often.
var words = strings.Fields(`the of and a to in he was that it his as with for on had at by which not from her but
	they all she is this were be have one said when an there been out them into some could would more their if time
	only about other up then what so no now any like over such our after must even through back years where much
	your way well down should because each just those people mr how too little state good very make world still own
	see men work long get here between both life being under never day same another know while last might us great
	old year off come since against go came right used take three himself few house use during without again place
	american around however home small found mrs thought went say part once general high upon school every don does
	got united left number course war until always away something fact though water less public put thing almost
	hand enough far took head yet government system better set told nothing night end why called find going look
	asked later knew point next program city business give group toward young days let room within per given order`)

// word is one of words.
func word(r *rand.Rand) string {
	x := r.Float64()
	return words[int(x*x*x*float64(len(words)))]
}

// sentence is a line of words.
func sentence(r *rand.Rand, n int) string {
	var s []string
	for range n {
		s = append(s, word(r))
	}
	return strings.ToUpper(s[0][:1]) + strings.Join(s, " ")[1:] + "."
}

func makeProse(r *rand.Rand) []byte {
	var b strings.Builder
	for b.Len() < specimenSize {
		for range 3 + r.IntN(5) {
			b.WriteString(sentence(r, 4+r.IntN(20)))
			b.WriteByte(' ')
		}
		b.WriteString("\r\n\r\n")
	}
	return []byte(b.String())
}

func makeJSON(r *rand.Rand) []byte {
	var b strings.Builder
	b.WriteString("[")
	for id := 0; b.Len() < specimenSize; id++ {
		if id > 0 {
			b.WriteString(",\n ")
		}
		fmt.Fprintf(&b, `{"id": %d, "guid": "%016x", "active": %t, "balance": "%d.%02d", "name": {"first": %q, "last": %q}, `,
			id, r.Uint64(), r.IntN(2) == 0, r.IntN(5000), r.IntN(100), word(r), word(r))
		fmt.Fprintf(&b, `"position": [%.6f, %.6f], "tags": [%q, %q, %q], "about": %q}`,
			r.Float64()*180-90, r.Float64()*360-180, word(r), word(r), word(r), sentence(r, 12))
	}
	b.WriteString("]\n")
	return []byte(b.String())
}

func makeHTML(r *rand.Rand) []byte {
	var b strings.Builder
	b.WriteString("<!doctype html>\n<html>\n<head><title>" + sentence(r, 4) + "</title></head>\n<body>\n<table class=\"list\">\n")
	for row := 0; b.Len() < specimenSize; row++ {
		fmt.Fprintf(&b, "  <tr class=\"row row-%d\"><td class=\"id\">%d</td>", row%2, row)
		fmt.Fprintf(&b, "<td class=\"name\"><a href=\"/%s/%s?id=%d\">%s</a></td>", word(r), word(r), r.IntN(1e6), sentence(r, 3))
		fmt.Fprintf(&b, "<td class=\"text\">%s</td></tr>\n", sentence(r, 8))
	}
	b.WriteString("</table>\n</body>\n</html>\n")
	return []byte(b.String())
}

// makePicture makes 512 by 512 grey pixels: soft shapes with the noise of a sensor.
func makePicture(r *rand.Rand) []byte {
	const side = 512
	b := make([]byte, 0, side*side)
	for y := range side {
		for x := range side {
			v := (x*y/side + x/3) % 256
			if (x-200)*(x-200)+(y-260)*(y-260) < 120*120 {
				v = 220 - (x+y)/6
			}
			b = append(b, byte(v+r.IntN(7)-3))
		}
	}
	return b
}

// makeDocument makes numbered objects, of which most hold what cannot be compressed
// again.
func makeDocument(r *rand.Rand) []byte {
	var b strings.Builder
	for n := 1; b.Len() < specimenSize; n++ {
		if n%4 == 0 {
			fmt.Fprintf(&b, "%d 0 obj\n<< /Type /Page /Parent 3 0 R /Contents %d 0 R >>\n%s\nendobj\n", n, n+1, sentence(r, 30))
			continue
		}
		length := 2000 + r.IntN(6000)
		fmt.Fprintf(&b, "%d 0 obj\n<< /Length %d /Filter /FlateDecode >>\nstream\n", n, length)
		for range length {
			b.WriteByte(byte(r.Uint32()))
		}
		b.WriteString("\nendstream\nendobj\n")
	}
	return []byte(b.String())
}
