package conformance

// miss is something that a server does otherwise than the cases expect.
type miss struct {
	cases []string // numbers, or patterns
	why   string

	// sometimes: it depends on which is faster, the answer or the end of TCP.
	sometimes bool
}

// badText are the cases with text that is not UTF-8.
var badText = []string{
	"6.3.*", "6.4.*", "6.6.[13468]", "6.6.10", "6.8.*", "6.10.*", "6.11.5", "6.12.*", "6.13.*", "6.14.*", "6.15.*",
	"6.16.*", "6.17.*", "6.18.*", "6.19.*", "6.20.*", "6.21.*",
}

// What several have in common.
const (
	textUnchecked = "text is handed to the program as it came: to check it is left to the program"
	longLengths   = "a length may stand in more bits than it needs"
	firstLine     = "of several lines of one name the first is taken"
	not426        = "another version gets 400 in place of 426"
	readsChunked  = "Transfer-Encoding is taken and Content-Length ignored, as RFC 9112 6.1 allows"
	manyLines     = "header lines are bounded by their bytes alone, and 10,000 short ones are within the bound"
	laterCodes    = "codes that IANA registered after the RFC are not known"
	keyUnchecked  = "the key is not decoded"
	anyVersion    = "HTTP/1.0 is taken"
)

// misses are what each server misses.
var misses = map[string][]miss{
	"gorilla": {
		{cases: badText, why: textUnchecked},
		{cases: []string{"header.1[24689]"}, why: longLengths},
		{cases: []string{"close.3"}, why: laterCodes},
		{cases: []string{"handshake.14", "handshake.41", "handshake.46", "handshake.47"},
			why: "a request with bytes behind it is ended without an answer, since clients have to wait for one"},
		{cases: []string{"handshake.19"}, why: anyVersion},
		{cases: []string{"handshake.32", "handshake.37"}, why: firstLine},
		{cases: []string{"handshake.34", "handshake.35"}, why: not426},
		{cases: []string{"handshake.62"}, why: manyLines},
	},
	"gws": {
		{cases: badText, why: textUnchecked},
		{cases: []string{"7.5.1", "close.6"}, why: "the reason of a Close frame is not checked"},
		{cases: []string{"header.1[24689]"}, why: longLengths},
		{cases: []string{"close.3"}, why: laterCodes},
		{cases: []string{"handshake.6", "handshake.32", "handshake.37"}, why: firstLine},
		{cases: []string{"handshake.14"}, why: "bytes behind the request are lost, and the connection with them"},
		{cases: []string{"handshake.19"}, why: anyVersion},
		{cases: []string{"handshake.26"}, why: "Connection is searched for a word of which it may be a part"},
		{cases: []string{"handshake.29", "handshake.30", "handshake.31"}, why: keyUnchecked},
		{cases: []string{"handshake.34", "handshake.35"}, why: not426},
		{cases: []string{"handshake.41"}, why: readsChunked},
		{cases: []string{"handshake.61", "handshake.62"}, why: "the answer to a head that is too long is lost, as TCP is reset behind it", sometimes: true},
	},
	"coder": {
		{cases: badText, why: textUnchecked},
		{cases: []string{"7.5.1", "close.6"}, why: "a Close frame is answered with its own reason, UTF-8 or not"},
		{cases: []string{"header.1[2-9]"}, why: longLengths},
		{cases: []string{"handshake.34", "handshake.35"}, why: not426},
		{cases: []string{"handshake.37"}, why: firstLine},
		{cases: []string{"handshake.41"}, why: readsChunked},
		{cases: []string{"handshake.62"}, why: manyLines},
	},
	"gobwas": {
		{cases: badText, why: textUnchecked},
		{cases: []string{"header.1[2-9]"}, why: longLengths},
		{cases: []string{"close.[123]"}, why: laterCodes},
		{cases: []string{"handshake.6", "handshake.32"}, why: firstLine},
		{cases: []string{"handshake.14"}, why: "bytes behind the request are lost"},
		{cases: []string{"handshake.30", "handshake.31"}, why: keyUnchecked},
		{cases: []string{"handshake.39", "handshake.4[0-5]", "handshake.49", "handshake.5[1-5]"},
			why: "it reads of a request what it needs, and leaves the rest of it unchecked"},
		{cases: []string{"handshake.5[789]", "handshake.60"}, why: "a request line that cannot be read is ended without an answer"},
		{cases: []string{"handshake.6[12]"}, why: "heads are not bounded"},
	},
}
