//go:build linux

package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strconv"
	"strings"
	"syscall"

	"github.com/framerail/framerail/bench/internal/wire"
)

// smugglingCommand sends requests that two readers could read differently, and some
// with bytes behind them, cut at each byte. Broken, a server takes whatever looks
// like a request.
type smugglingCommand struct {
	scale
	Step int `default:"1" help:"Between two cuts."`
}

// smuggled is a request, and what must come of it.
type smuggled struct {
	name    string
	request string
	behind  string
	// status is that of the one answer: 101 and frames, or another and the end.
	status int
	// pages is the status where the server has a Handler for ordinary requests; 0: the
	// same.
	pages int
}

func (b *smugglingCommand) Run(ctx context.Context) error {
	if b.Short {
		b.Step = either(b.scale, 13, 60)
	}
	v := new(verdict)
	requests, sent := smuggledRequests(), 0
	for _, pages := range []bool{false, true} {
		// One loop: when a client has come and gone, it has read all that was sent before.
		set := setup{Program: "echo", Loops: 1, Pages: pages}
		if b.Break {
			set = setup{Faulty: "trusting"}
		}
		err := withServer(ctx, v, set, func(p *process) error {
			for _, r := range requests {
				if pages && r.pages != 0 {
					r.status = r.pages
				}
				n, err := b.atEachCut(ctx, v, p.addr, r)
				if err != nil {
					return fmt.Errorf("%s: %w", r.name, err)
				}
				sent += n
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	return v.finish("%d requests, without and with a Handler beside, cut at each byte: %d times the answer that RFC 9112 or RFC 6455 asks for, once, and nothing behind it",
		len(requests), sent)
}

// smuggledCuts is how many connections with a cut request there are at a time.
const smuggledCuts = 100

// atEachCut sends a request in two pieces, cut everywhere.
func (b *smugglingCommand) atEachCut(ctx context.Context, v *verdict, addr string, r smuggled) (sent int, err error) {
	all := []byte(r.request + r.behind)
	for from := 0; from < len(all); {
		var cuts []int
		for ; from < len(all) && len(cuts) < smuggledCuts; from += b.Step {
			cuts = append(cuts, from)
		}
		if err := b.cutAt(ctx, v, addr, r, all, cuts); err != nil {
			return sent, err
		}
		sent += len(cuts)
	}
	return sent, nil
}

func (b *smugglingCommand) cutAt(ctx context.Context, v *verdict, addr string, r smuggled, all []byte, cuts []int) error {
	clients := make([]*client, len(cuts))
	defer closeAll(clients)
	for i, cut := range cuts {
		var err error
		if clients[i], err = connect(ctx, addr); err != nil {
			return err
		}
		if _, err := clients[i].Write(all[:cut]); err != nil {
			return err
		}
	}
	if err := oneLife(ctx, addr); err != nil {
		return err
	}
	for i, cut := range cuts {
		// A refusal that was possible before may have ended the connection.
		_, _ = clients[i].Write(all[cut:])
		// A server that waits for more would do so for as long as this client.
		if err := clients[i].extend(either(b.scale, patience, patience/300)); err != nil {
			return err
		}
		err := clients[i].judged(r)
		v.expect(err == nil, "%s, cut at %d: %v", r.name, cut, err)
	}
	return nil
}

// statusLine begins an answer; a body may speak of HTTP too.
var statusLine = regexp.MustCompile(`HTTP/1\.[01] [1-5][0-9][0-9] `)

// judged reads the answer to a request, and wants no other behind it.
func (c *client) judged(r smuggled) error {
	head, err := c.in.ReadSlice('\n')
	if err != nil {
		return err
	}
	_, status, _ := strings.Cut(string(head), " ")
	status, _, _ = strings.Cut(status, " ")
	if status != strconv.Itoa(r.status) {
		return fmt.Errorf("answered with %q, not %d", head, r.status)
	}
	if r.status != 101 {
		rest, err := io.ReadAll(c.in)
		if r.pages == r.status && r.behind != "" && errors.Is(err, syscall.ECONNRESET) && bytes.Contains(rest, []byte("\r\n\r\n")) {
			err = nil // net/http closes behind its answer, whatever has come that it has not read
		}
		if err == nil && statusLine.Match(rest) {
			err = fmt.Errorf("behind the %s: %q", status, rest)
		}
		return err
	}
	for line := []byte(nil); string(line) != "\r\n"; {
		if line, err = c.in.ReadSlice('\n'); err != nil {
			return err
		}
	}
	if r.behind == "" {
		return c.echo([]byte("opened"))
	}
	opcode, payload, err := c.receive()
	if err != nil {
		return err
	}
	if strings.HasPrefix(r.behind, "GET") { // it is no frame: RFC 6455 5.1, 5.2
		if opcode != wire.Close || !bytes.HasPrefix(payload, []byte{0x03, 0xea}) {
			return fmt.Errorf("a request in place of a frame: opcode %#x with %q", opcode, payload)
		}
		return nil
	}
	if opcode != wire.Text || string(payload) != smuggledEcho {
		return fmt.Errorf("opcode %#x with %q", opcode, payload)
	}
	return nil
}

// smuggledEcho is the text of a frame behind a request.
const smuggledEcho = "early"

// upgrade is an opening handshake with these lines in addition.
func upgrade(lines ...string) string {
	return handshakeWith("GET / HTTP/1.1", "Host: localhost", lines...)
}

func handshakeWith(start, host string, lines ...string) string {
	all := append([]string{start, host, "Upgrade: websocket", "Connection: Upgrade",
		"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==", "Sec-WebSocket-Version: 13"}, lines...)
	return strings.Join(all, "\r\n") + "\r\n\r\n"
}

// plain is a request for a page, the last one of its connection: nothing behind it is to
// be answered.
func plain(lines ...string) string {
	return strings.Join(append([]string{"GET / HTTP/1.1", "Host: localhost", "Connection: close"}, lines...), "\r\n") + "\r\n\r\n"
}

// smuggledRequests are the requests; where a section is named it is RFC 9112's.
func smuggledRequests() []smuggled {
	frame := string(wire.AppendFrame(nil, true, wire.Text, [4]byte{3, 1, 4, 1}, []byte(smuggledEcho)))
	line := func(l string) string { return upgrade(l) }
	return []smuggled{
		{name: "handshake", request: upgrade(), status: 101},
		{name: "page", request: plain(), status: 426, pages: 200},

		// 3.2: one Host.
		{name: "Host twice", request: line("Host: localhost"), status: 400},
		{name: "another Host", request: line("hOST: evil.example"), status: 400},
		{name: "page with Host twice", request: plain("Host: evil.example"), status: 400},
		{name: "no Host", request: handshakeWith("GET / HTTP/1.1", "X: y"), status: 400},
		{name: "two hosts in Host", request: handshakeWith("GET / HTTP/1.1", "Host: a.example, b.example"), status: 400},
		{name: "Host with a path", request: handshakeWith("GET / HTTP/1.1", "Host: localhost/x"), status: 400},

		// RFC 6455 4.2.1, 11.3: one Key, one Version.
		{name: "Key twice", request: line("Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=="), status: 400},
		{name: "Version twice", request: line("Sec-WebSocket-Version: 13"), status: 400},
		{name: "another Version", request: line("Sec-WebSocket-Version: 8"), status: 400},

		// 6.1 to 6.3: how long the content is.
		{name: "Content-Length", request: line("Content-Length: 5"), behind: "hello", status: 400},
		{name: "Content-Length 0", request: line("Content-Length: 0"), status: 101},
		{name: "Content-Length twice", request: upgrade("Content-Length: 0", "Content-Length: 5"), behind: "hello", status: 400},
		{name: "Content-Length in a list", request: line("Content-Length: 0, 0"), status: 400},
		{name: "Content-Length with a sign", request: line("Content-Length: +5"), behind: "hello", status: 400},
		{name: "Content-Length beyond 64 bits", request: line("Content-Length: 18446744073709551616"), status: 400},
		{name: "Transfer-Encoding", request: line("Transfer-Encoding: chunked"), behind: "0\r\n\r\n", status: 400},
		{name: "Transfer-Encoding of another kind", request: line("Transfer-Encoding: gzip, chunked"), behind: "0\r\n\r\n", status: 501},
		{name: "Transfer-Encoding, not chunked last", request: line("Transfer-Encoding: chunked, identity"), behind: "0\r\n\r\n", status: 400},
		{name: "Transfer-Encoding in disguise", request: line("Transfer-Encoding: xchunked"), behind: "0\r\n\r\n", status: 400},
		{name: "Transfer-Encoding twice", request: upgrade("Transfer-Encoding: chunked", "Transfer-Encoding: chunked"), behind: "0\r\n\r\n", status: 400},
		{name: "Content-Length and Transfer-Encoding", request: upgrade("Content-Length: 5", "Transfer-Encoding: chunked"), behind: "0\r\n\r\n", status: 400},
		{name: "page with both", request: plain("Transfer-Encoding: chunked", "Content-Length: 5"), behind: "0\r\n\r\n" + plain(), status: 400},
		{name: "page with content", request: plain("Content-Length: 5"), behind: "hello", status: 426, pages: 200},

		// 2.2, 5.1, 5.2: lines.
		{name: "obs-fold", request: line("X: a\r\n b"), status: 400},
		{name: "obs-fold with HTAB", request: line("X: a\r\n\tb"), status: 400},
		{name: "obs-fold that hides a field", request: line("X: a\r\n Transfer-Encoding: chunked"), status: 400},
		{name: "bare LF after the request line", request: strings.Replace(upgrade(), "\r\n", "\n", 1), status: 400},
		{name: "bare LF after a field", request: line("X: a\nY: b"), status: 400},
		{name: "bare LF everywhere", request: strings.ReplaceAll(upgrade(), "\r\n", "\n"), status: 400},
		{name: "bare LF as the end", request: strings.TrimSuffix(upgrade(), "\r\n") + "\n", status: 400},
		{name: "bare CR", request: line("X: a\rY: b"), status: 400},
		{name: "NUL in a value", request: line("X: a\x00b"), status: 400},
		{name: "NUL in a name", request: line("X\x00: a"), status: 400},
		{name: "NUL first", request: "\x00" + upgrade(), status: 400},
		{name: "space before the colon", request: line("Content-Length : 5"), behind: "hello", status: 400},
		{name: "HTAB before the colon", request: line("Transfer-Encoding\t: chunked"), status: 400},
		{name: "no colon", request: line("Content-Length"), status: 400},
		{name: "empty name", request: line(": a"), status: 400},
		{name: "an empty line first", request: "\r\n" + upgrade(), status: 101},
		{name: "two spaces in the request line", request: handshakeWith("GET  / HTTP/1.1", "Host: localhost"), status: 400},
		{name: "space within the target", request: handshakeWith("GET /a b HTTP/1.1", "Host: localhost"), status: 400},
		{name: "HTTP/0.9", request: "GET /\r\n\r\n", status: 400},

		// What stands behind a request.
		{name: "frame behind the handshake", request: upgrade(), behind: frame, status: 101},
		{name: "frame behind a refusal", request: line("Host: localhost"), behind: frame, status: 400},
		{name: "two handshakes", request: upgrade(), behind: upgrade(), status: 101},
		{name: "two handshakes, the first refused", request: line("Host: localhost"), behind: upgrade(), status: 400},
		{name: "page, then a handshake", request: plain(), behind: upgrade(), status: 426, pages: 200},
		{name: "two pages", request: plain(), behind: plain(), status: 426, pages: 200},
	}
}
