package servertest

import (
	"bufio"
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"io"
	"math"
	"net/http"
	"net/netip"
	"slices"

	"github.com/framerail/framerail/frame"
	"github.com/framerail/framerail/frame/deflate"
	"github.com/framerail/framerail/internal/handshake"
)

// Request is a client's opening handshake.
type Request struct {
	// Target is the path, with the query. Empty: "/".
	Target string
	// Header is sent besides what RFC 6455 4.1 asks for. It is not checked.
	Header http.Header
	// Deflate has the client offer permessage-deflate, the most wanted parameters first.
	Deflate []deflate.Params
	// From is the client's address. Zero: one that no other client has.
	From netip.AddrPort
	// Before is sent before all else, TLS included: a header of the PROXY protocol, if From
	// is a proxy's. Nil: nothing.
	Before []byte
	// Plain has the client speak no TLS to a server that does.
	Plain bool
	// Raw is sent in place of a request; the client is then to be made with care for
	// the rest too. Nil: a request is made.
	Raw []byte
}

// Dial has a client connect and ask for target. Nothing happens before the simulation
// goes on: what the client sends meanwhile follows its handshake.
func (s *Sim) Dial(target string) *Client { return s.DialWith(Request{Target: target}) }

// DialWith is Dial with more to say. The Request is not kept.
func (s *Sim) DialWith(r Request) *Client {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.dialled++
	if !r.From.IsValid() {
		r.From = addressOf(s.dialled)
	}
	k := &socket{sim: s, id: s.dialled, remote: r.From}
	c := &Client{sim: s, socket: k, offers: slices.Clone(r.Deflate)}
	k.peer = c
	c.dec.Reset(frame.Client, frame.Limits{MaxMessageSize: math.MaxInt, MaxFragments: math.MaxInt})
	s.note(actDial, k.id, 0)
	h := s.hosts.last()
	if h.listener.closed {
		k.reset()
		return c
	}
	s.sockets = append(s.sockets, k)
	h.listener.backlog = append(h.listener.backlog, k)
	c.put(r.Before)
	if h.srv.TLSConfig != nil && !r.Plain {
		c.over = newOver(c)
	}
	if r.Raw != nil {
		c.write(r.Raw)
		return c
	}
	c.ask(r)
	return c
}

// addressOf is the address of a client by its number.
func addressOf(number int) netip.AddrPort {
	var addr [4]byte
	binary.BigEndian.PutUint32(addr[:], uint32(number))
	addr[0] = 10
	return netip.AddrPortFrom(netip.AddrFrom4(addr), 40000)
}

// ask sends the request (RFC 6455 4.1).
func (c *Client) ask(r Request) {
	var nonce [16]byte
	binary.NativeEndian.PutUint64(nonce[:8], c.sim.rnd.Uint64())
	binary.NativeEndian.PutUint64(nonce[8:], c.sim.rnd.Uint64())
	c.key = base64.StdEncoding.AppendEncode(nil, nonce[:])
	if r.Target == "" {
		r.Target = "/"
	}
	w := new(bytes.Buffer)
	w.WriteString("GET " + r.Target + " HTTP/1.1\r\nHost: server.test\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" +
		"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: ")
	w.Write(c.key)
	w.WriteString("\r\n")
	if len(r.Deflate) > 0 {
		w.WriteString("Sec-WebSocket-Extensions: ")
		w.Write(deflate.AppendOffers(nil, r.Deflate...))
		w.WriteString("\r\n")
	}
	_ = r.Header.Write(w) // in sorted order; a Buffer does not fail
	w.WriteString("\r\n")
	c.write(w.Bytes())
}

// maxHead is how long an answer's head may be, in bytes.
const maxHead = 1 << 20

var endOfHead = []byte("\r\n\r\n")

// answered takes in bytes of the answer to the request, and returns those behind it,
// which are frames. mu is held.
func (c *Client) answered(b []byte) (rest []byte) {
	from := max(0, len(c.head)-len(endOfHead))
	c.head = append(c.head, b...)
	end := bytes.Index(c.head[from:], endOfHead)
	if end < 0 {
		if len(c.head) > maxHead {
			c.sim.breachLocked("the answer to %v has no end", c.socket)
		}
		return nil
	}
	end += from + len(endOfHead)
	head := c.head[:end]
	rest = c.head[end:]
	c.head = head
	c.isAnswered = true
	if !bytes.HasPrefix(head, []byte("HTTP/1.1 101 ")) {
		c.body = slices.Clone(rest)
		return nil
	}
	c.isOpen = true
	if c.key != nil && !bytes.Contains(head, handshake.AppendAccept([]byte("Sec-WebSocket-Accept: "), c.key)) {
		c.sim.breachLocked("the answer to %v has the wrong Sec-WebSocket-Accept", c.socket)
	}
	c.agree(head)
	if !c.socket.upEnd {
		c.write(c.outbox)
	}
	c.outbox = nil
	return rest
}

// Response is the answer to the handshake; nil if there is none yet. Its Body has what came so
// far of the body of an answer other than 101.
func (c *Client) Response() *http.Response {
	c.sim.mu.Lock()
	defer c.sim.mu.Unlock()
	if !c.isAnswered {
		return nil
	}
	resp, err := http.ReadResponse(bufio.NewReader(bytes.NewReader(c.head)), nil)
	if err != nil {
		c.sim.breachLocked("the answer to %v: %w", c.socket, err)
		return nil
	}
	resp.Body = io.NopCloser(bytes.NewReader(slices.Clone(c.body)))
	return resp
}

// Connected tells whether the handshake was accepted.
func (c *Client) Connected() bool {
	c.sim.mu.Lock()
	defer c.sim.mu.Unlock()
	return c.isOpen
}
