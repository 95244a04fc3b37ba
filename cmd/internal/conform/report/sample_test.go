package report

import (
	"time"

	"github.com/framerail/framerail/cmd/internal/conform"
)

// hostile is what a server can put where it may put text.
const hostile = "</script><script>alert(1)</script>&\"'`]]>\x1b[31m\x00\xff\u202eevil\r\nnext"

// sample is a report with every verdict, every kind of record and hostile bytes
// wherever a server's reach.
func sample() *conform.Report {
	ms := func(n float64) time.Duration { return time.Duration(n * float64(time.Millisecond)) }
	text := func(at float64, dir conform.Direction, opcode byte, payload string) conform.Record {
		return conform.Record{At: ms(at), Dir: dir, Length: int64(len(payload)), Data: []byte(payload), Header: &conform.Header{
			Fin: true, Opcode: opcode, Masked: dir == conform.Sent, Key: [4]byte{1, 2, 3, 4}, Length: int64(len(payload)),
		}}
	}
	closing := []conform.Record{
		text(1.5, conform.Sent, 8, "\x03\xe8"),
		text(1.8, conform.Received, 8, "\x03\xe8bye"),
		{At: ms(2), Dir: conform.Note, Note: "the server ended TCP"},
	}
	long := []conform.Record{{Dir: conform.Sent, Length: 40, Data: []byte("GET / HTTP/1.1\r\nHost: 127.0.0.1:9001\r\n\r\n"), Note: "the opening handshake"}}
	for i := range 300 {
		long = append(long, text(float64(i)/10, conform.Direction(1+i%2), 1, "message"))
	}
	results := []conform.Result{
		{
			ID: "1.1.1", Group: "1 Framing", Title: "An empty text", Sent: "A text message of no bytes.",
			Expected: "The same message.", Came: "text of 0 B", Verdict: conform.OK, Closing: conform.ClosingOK,
			Ended: "closed with 1000", Took: ms(2), Wire: append([]conform.Record{
				text(0.4, conform.Sent, 1, ""), text(0.9, conform.Received, 1, ""),
			}, closing...),
		},
		{
			ID: "2.5", Group: "2 Pings and pongs", Title: "A ping of 126 bytes", Sent: "A ping that is too long.",
			Expected: "The connection fails with 1002.", Came: "pong of 126 B: " + hostile, Verdict: conform.Failed,
			Closing: conform.ClosingUnclean, Ended: "TCP was reset: " + hostile, Took: ms(1002),
			Wire: []conform.Record{
				text(0.25, conform.Sent, 9, "\x00\x01\x02\x03\x04\xfe\xff"),
				{At: ms(0.5), Dir: conform.Received, Length: int64(len(hostile)), Data: []byte(hostile), Note: "what follows is no frame: " + hostile},
				{At: ms(1), Dir: conform.Received, Length: 300, Data: []byte("\xde\xad\xbe\xef\x01"), Header: &conform.Header{RSV: 5, Opcode: 0xb, Masked: true, Length: 1 << 40}},
			},
		},
		{
			ID: "6.4.1", Group: "6 UTF-8", Title: "Bad UTF-8 in the second fragment", Sent: "Text in two fragments: κόσμε, then \xf4\x90.",
			Expected: "The connection fails with 1007 at once.", Came: "it failed at the end", Verdict: conform.NonStrict,
			Closing: conform.ClosingOK, Ended: "closed with 1007", Took: ms(31), Wire: []conform.Record{
				text(1, conform.Sent, 1, "κόσμε 你好"), text(1.2, conform.Received, 8, "\x03\xefbad text"),
			},
		},
		{
			ID: "7.1.6", Group: "7 Closing", Title: "A Close after 256 KiB", Sent: "A large message, and Close.",
			Expected: "Either.", Came: "both came", Verdict: conform.Informational, Closing: conform.ClosingInformational,
			Ended: "closed with 1000", Took: ms(12),
		},
		{
			ID: "7.5.1", Group: "7 Closing", Title: "A Close with bad UTF-8", Sent: "Close with a reason that is no UTF-8.",
			Expected: "The connection fails.", Came: "Close", Verdict: conform.OK, Closing: conform.ClosingWrongCode,
			Ended: "closed with 1000", Took: ms(3),
		},
		{
			ID: "9.1.1", Group: "9 Limits", Title: "A text of 64 KiB", Sent: "A large message.", Expected: "The same message.",
			Came: "text of 65,536 B", Verdict: conform.OK, Closing: conform.ClosingOK, Ended: "closed with 1000", Took: ms(90), Wire: long,
		},
		{
			ID: "12.1.1", Group: "12 Compression", Title: "JSON, 16 bytes", Sent: "1,000 messages.", Expected: "The same messages.",
			Came: "the server declined permessage-deflate", Verdict: conform.Unimplemented, Closing: conform.ClosingUnimplemented, Took: ms(1),
		},
	}
	return &conform.Report{
		URL: "ws://127.0.0.1:9001/", Agent: "demo/1 " + hostile, Version: "v0.0.0",
		Started: time.Date(2026, 11, 23, 2, 0, 0, 0, time.UTC), Took: ms(1141), Results: results,
	}
}
