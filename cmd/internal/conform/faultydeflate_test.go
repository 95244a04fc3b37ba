package conform

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"encoding/binary"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/framerail/framerail/cmd/internal/conform/deflate"
)

// faultyDeflate is an echo server with permessage-deflate that does what it is told to do
// wrong. It takes what clients send right as the cases here send it.
type faultyDeflate struct {
	answer       func(offer string) string // in place of one that repeats what is asked of the server
	window       int                       // bits to compress with, whatever was agreed; 0: those
	keepsContext bool                      // of its own, whatever was agreed
	forgets      bool                      // the client's context, whatever was agreed
	alters       bool                      // the last byte of each message
	drops        bool                      // what follows the first 100 bytes of each message
	leavesTail   bool                      // on what it sends
	noRSV1       bool                      // on what it sends
	moreRSV1     bool                      // on continuations too, of which it sends some
	anyBits      bool                      // RSV1 is taken on continuations
	anyData      bool                      // what cannot be inflated is ignored
	textAnyhow   bool                      // not checked to be UTF-8
}

// serve runs the server until the test ends and returns its URL.
func (f faultyDeflate) serve(t *testing.T) string {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { ln.Close() })
	go func() {
		for {
			conn, err := ln.Accept()
			if err != nil {
				return
			}
			go func() {
				defer conn.Close()
				f.talk(conn)
			}()
		}
	}()
	return "ws://" + ln.Addr().String() + "/"
}

// talk is one connection.
func (f faultyDeflate) talk(conn net.Conn) {
	in := bufio.NewReader(conn)
	request, err := http.ReadRequest(in)
	if err != nil {
		return
	}
	answer := rightAnswer(request.Header.Get("Sec-WebSocket-Extensions"))
	if f.answer != nil {
		answer = f.answer(request.Header.Get("Sec-WebSocket-Extensions"))
	}
	head := "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: " +
		acceptKey(request.Header.Get("Sec-WebSocket-Key")) + "\r\n"
	if answer != "" {
		head += "Sec-WebSocket-Extensions: " + answer + "\r\n"
	}
	if _, err := io.WriteString(conn, head+"\r\n"); err != nil {
		return
	}
	p, err := deflate.Agree([]deflate.Offer{{ClientMaxWindowBits: deflate.NoValue}}, []string{answer})
	if err != nil { // one of the answers that are wrong
		p = deflate.Params{}
	}
	e := &faultyEcho{faultyDeflate: f, conn: conn, in: in, params: p, on: answer != ""}
	bits := cmp.Or(f.window, cmp.Or(p.ServerMaxWindowBits, 15))
	e.compressor = deflate.NewCompressor(bits, !p.ServerNoContextTakeover || f.keepsContext)
	e.forget()
	for e.message() {
	}
	_ = conn.(*net.TCPConn).CloseWrite()
	_, _ = io.Copy(io.Discard, in)
}

// rightAnswer accepts the first offer if it is one, with what it asks of the server.
func rightAnswer(offer string) string {
	first, _, _ := strings.Cut(offer, ",")
	if strings.TrimSpace(strings.Split(first, ";")[0]) != deflate.Name {
		return ""
	}
	windows := []string{"8", "9", "10", "11", "12", "13", "14", "15"}
	answer := []string{deflate.Name}
	for _, p := range strings.Split(first, ";")[1:] {
		switch p = strings.TrimSpace(p); {
		case p == "client_max_window_bits":
		case p == "server_no_context_takeover", p == "client_no_context_takeover",
			slices.Contains(windows, strings.TrimPrefix(p, "server_max_window_bits=")),
			slices.Contains(windows, strings.TrimPrefix(p, "client_max_window_bits=")):
			answer = append(answer, p)
		default:
			return ""
		}
	}
	return strings.Join(answer, "; ")
}

// faultyEcho is one connection after the handshake.
type faultyEcho struct {
	faultyDeflate
	conn       net.Conn
	in         *bufio.Reader
	params     deflate.Params
	on         bool
	compressor *deflate.Compressor
	inflater   *deflate.Inflater
}

// forget begins a new context of the client's.
func (e *faultyEcho) forget() {
	e.inflater = deflate.NewInflater(cmp.Or(e.params.ClientMaxWindowBits, 15), !e.params.ClientNoContextTakeover)
}

// message takes a message and sends it back. It returns false at the end.
func (e *faultyEcho) message() bool {
	var all []byte
	var first Header
	for {
		h, payload, err := readMasked(e.in)
		if err != nil {
			return false
		}
		begins := h.Opcode != opContinuation
		switch {
		case h.RSV&^rsv1 != 0, h.RSV != 0 && !e.on, h.RSV != 0 && !begins && !e.anyBits:
			return e.close(1002)
		case h.Opcode == opClose:
			e.frame(0, opClose, payload)
			return false
		case h.Opcode >= opClose && h.RSV != 0:
			return e.close(1002)
		case h.Opcode == opPing:
			e.frame(0, opPong, payload)
			continue
		case h.Opcode == opPong:
			continue
		}
		if begins {
			first = h
		}
		if all = append(all, payload...); h.Fin {
			break
		}
	}
	if first.RSV != 0 {
		if e.forgets {
			e.forget()
		}
		var err error
		if all, err = e.inflater.Message(all, 32<<20); err != nil && !e.anyData {
			return e.close(1007)
		}
		all = bytes.Clone(all)
	}
	if first.Opcode == opText && !e.textAnyhow && !validUTF8(all) {
		return e.close(1007)
	}
	e.echo(first.Opcode, all)
	return true
}

func validUTF8(b []byte) bool { return bytes.Equal(bytes.ToValidUTF8(b, nil), b) }

func (e *faultyEcho) echo(opcode byte, message []byte) {
	if e.alters && len(message) > 0 {
		message[len(message)-1] ^= 1
	}
	if e.drops {
		message = message[:min(len(message), 100)]
	}
	if !e.on {
		e.frame(0x80, opcode, message)
		return
	}
	payload := bytes.Clone(e.compressor.Message(message))
	if e.leavesTail {
		payload = append(payload, 0, 0, 0xff, 0xff)
	}
	switch {
	case e.noRSV1:
		e.frame(0, opcode, payload)
	case e.moreRSV1 && len(payload) > 10:
		e.part(0x40|opcode, payload[:10])
		e.part(0xc0, payload[10:])
	default:
		e.frame(rsv1, opcode, payload)
	}
}

// close fails the connection.
func (e *faultyEcho) close(code uint16) bool {
	e.frame(0, opClose, binary.BigEndian.AppendUint16(nil, code))
	return false
}

func (e *faultyEcho) frame(rsv, opcode byte, payload []byte) { e.part(0x80|rsv<<4|opcode, payload) }

func (e *faultyEcho) part(first byte, payload []byte) {
	head := []byte{first, byte(len(payload))}
	switch n := len(payload); {
	case n > 0xffff:
		head = binary.BigEndian.AppendUint64([]byte{first, 127}, uint64(n))
	case n > 125:
		head = binary.BigEndian.AppendUint16([]byte{first, 126}, uint16(n))
	}
	_, _ = e.conn.Write(append(head, payload...))
}

// readMasked reads a client's frame.
func readMasked(in *bufio.Reader) (h Header, payload []byte, err error) {
	var head []byte
	for n := 0; n == 0; {
		b, err := in.ReadByte()
		if err != nil {
			return h, nil, err
		}
		head = append(head, b)
		if h, n, err = parseHeader(head); err != nil {
			return h, nil, err
		}
	}
	payload = make([]byte, 4+h.Length)
	if _, err := io.ReadFull(in, payload); err != nil {
		return h, nil, err
	}
	key, payload := payload[:4], payload[4:]
	for i := range payload {
		payload[i] ^= key[i&3]
	}
	return h, payload, nil
}

// Each fault is seen in the cases named, which pass without it.
func TestCompression_catches(t *testing.T) {
	as := func(answer string) func(string) string {
		return func(offer string) string {
			if offer == "" {
				return ""
			}
			return answer
		}
	}
	for name, tt := range map[string]struct {
		server faultyDeflate
		caught []string
	}{
		"a window that was agreed and is not kept to": {faultyDeflate{window: 15}, []string{"13.3.10", "13.5.9", "deflate.1.2", "deflate.1.8"}},
		"a window one bit too large":                  {faultyDeflate{window: 10}, []string{"13.3.10", "deflate.1.3"}},
		"takeover that was agreed not to be":          {faultyDeflate{keepsContext: true}, []string{"13.2.4", "13.6.5", "deflate.1.19"}},
		"a context that is forgotten":                 {faultyDeflate{forgets: true}, []string{"deflate.1.1", "deflate.3.2", "deflate.3.13"}},
		"an offer accepted without what it asks":      {faultyDeflate{answer: as(deflate.Name)}, []string{"13.2.1", "13.3.1", "13.4.1", "deflate.1.2", "deflate.2.1", "deflate.2.5"}},
		"a larger window than was asked for":          {faultyDeflate{answer: as(deflate.Name + "; server_max_window_bits=10")}, []string{"13.3.1", "deflate.1.3"}},
		"a window for a client that offered none":     {faultyDeflate{answer: as(deflate.Name + "; client_max_window_bits=15")}, []string{"deflate.1.1"}},
		"an unknown parameter":                        {faultyDeflate{answer: as(deflate.Name + "; level=9")}, []string{"12.1.1", "deflate.1.1"}},
		"an altered byte":                             {faultyDeflate{alters: true}, []string{"12.1.1", "12.5.15", "13.7.18", "deflate.3.1"}},
		"a message cut short":                         {faultyDeflate{drops: true}, []string{"12.1.3", "deflate.1.1"}},
		"a tail that is left on":                      {faultyDeflate{leavesTail: true}, []string{"12.1.1", "deflate.3.1"}},
		"no RSV1":                                     {faultyDeflate{noRSV1: true}, []string{"12.2.3", "deflate.3.1"}},
		"RSV1 on continuations":                       {faultyDeflate{moreRSV1: true}, []string{"12.1.4"}},
		"RSV1 that is not looked at":                  {faultyDeflate{anyBits: true}, []string{"deflate.4.1", "deflate.4.2"}},
		"garbage that is ignored":                     {faultyDeflate{anyData: true}, []string{"deflate.4.8", "deflate.4.15", "deflate.4.17"}},
		"text that is not checked":                    {faultyDeflate{textAnyhow: true}, []string{"deflate.4.20", "deflate.4.21"}},
	} {
		t.Run(strings.ReplaceAll(name, " ", "_"), func(t *testing.T) {
			t.Parallel()
			for _, r := range playAt(t, tt.server.serve(t), 6*time.Second, tt.caught) {
				if r.Verdict != Failed {
					t.Errorf("%s is %v: %s", r.ID, r.Verdict, r.Came)
				}
			}
			for _, r := range playAt(t, faultyDeflate{}.serve(t), 20*time.Second, tt.caught) {
				if r.Verdict != OK || r.Closing != ClosingOK {
					t.Errorf("without the fault %s is %v, %v: %s; %s", r.ID, r.Verdict, r.Closing, r.Came, r.Ended)
				}
			}
		})
	}
}

// onlyCompression are the cases that permessage-deflate is needed for, made once.
var onlyCompression = sync.OnceValue(func() []Case {
	return slices.Concat(compressionKinds(), compressionParameters(), agreements(), declines(), deflatedMessages(), corruptMessages())
})

func playAt(t *testing.T, url string, patience time.Duration, ids []string) []Result {
	t.Helper()
	cases, err := Select(onlyCompression(), ids, nil)
	if err != nil {
		t.Fatal(err)
	}
	r := Runner{URL: url, Cases: cases, Messages: 5, Patience: patience}
	report, err := r.Run(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	return report.Results
}
