package conform

import (
	"bufio"
	"context"
	"encoding/base64"
	"io"
	"net"
	"net/http"
	"net/http/httputil"
	"slices"
	"strings"
)

// taken is a connection that a client has opened, up to its request.
type taken struct {
	conn    net.Conn
	in      *bufio.Reader
	request *http.Request
}

// self is which side this one is, other which one is tested.
func (s *Session) self() string {
	if s.taken != nil {
		return "server"
	}
	return "client"
}

func (s *Session) other() string {
	if s.taken != nil {
		return "client"
	}
	return "server"
}

// mirrored is a case's sentence for where clients are tested.
var mirrored = strings.NewReplacer("server", "client", "client", "server", "Server", "Client", "Client", "Server").Replace

// accept answers the client's handshake.
func (s *Session) accept(ctx context.Context, o opening) error {
	s.conn = s.taken.conn
	s.in = newInbox(s.conn, &s.log)
	s.in.reader.masked = true
	context.AfterFunc(ctx, func() { s.conn.Close() })

	head, _ := httputil.DumpRequest(s.taken.request, false)
	s.log.add(Record{Dir: Received, Note: "HTTP request"}, head)
	if err := checkRequest(s.taken.request); err != nil {
		s.respond("HTTP/1.1 400 Bad Request\r\nConnection: close\r\nContent-Length: 0\r\n\r\n")
		return err
	}
	answer := "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" +
		"Sec-WebSocket-Accept: " + acceptKey(s.taken.request.Header.Get("Sec-WebSocket-Key")) + "\r\n"
	if o.accept != nil {
		if line, d := o.accept(s.taken.request.Header.Values("Sec-WebSocket-Extensions")); line != "" {
			answer += "Sec-WebSocket-Extensions: " + line + "\r\n"
			s.in.reader.decoder = d
		}
	}
	s.respond(answer + "\r\n")

	rest, err := s.taken.in.Peek(s.taken.in.Buffered())
	if err != nil {
		return err
	}
	go s.in.run(slices.Clone(rest))
	return nil
}

func (s *Session) respond(head string) {
	s.log.add(Record{Dir: Sent, Note: "HTTP answer"}, []byte(head))
	if _, err := io.WriteString(s.conn, head); err != nil {
		s.log.note("sending failed: %v", err)
	}
}

// checkRequest returns the rule that a client's handshake breaks: RFC 6455 4.1.
func checkRequest(r *http.Request) error {
	key, err := base64.StdEncoding.DecodeString(r.Header.Get("Sec-WebSocket-Key"))
	switch {
	case r.Method != http.MethodGet || !r.ProtoAtLeast(1, 1):
		return faultf("%s %s, where GET and HTTP/1.1 are due (RFC 6455 4.1)", clip(r.Method), clip(r.Proto))
	case !slices.Contains(tokens(r.Header.Values("Upgrade")), "websocket"):
		return faultf("the request's Upgrade is %q, not websocket (RFC 6455 4.1)", r.Header.Values("Upgrade"))
	case !slices.Contains(tokens(r.Header.Values("Connection")), "upgrade"):
		return faultf("the request's Connection is %q, without Upgrade (RFC 6455 4.1)", r.Header.Values("Connection"))
	case len(r.Header.Values("Sec-WebSocket-Key")) != 1 || err != nil || len(key) != 16:
		return faultf("the request's Sec-WebSocket-Key is %q, not 16 bytes in base64 (RFC 6455 4.1)", r.Header.Values("Sec-WebSocket-Key"))
	case !slices.Equal(r.Header.Values("Sec-WebSocket-Version"), []string{"13"}):
		return faultf("the request's Sec-WebSocket-Version is %q, not 13 (RFC 6455 4.1)", r.Header.Values("Sec-WebSocket-Version"))
	}
	return nil
}

// leaveFirst ends the sending direction once both Close frames are there, if this side
// is the server, for which that is: RFC 6455 7.1.1.
func (s *Session) leaveFirst() {
	half, ok := s.conn.(interface{ CloseWrite() error })
	if s.taken == nil || s.left || !ok || !s.closeSent || s.closeCame == nil {
		return
	}
	s.left = true
	if err := half.CloseWrite(); err != nil {
		s.log.note("ending TCP failed: %v", err)
	}
}

// ForClients returns the cases that can test a client: those that are about what a server
// does with a request are left out. Their sentences are the other way round.
func ForClients(cases []Case) []Case {
	var out []Case
	for _, c := range cases {
		id := strings.TrimPrefix(c.ID, "bytes.")
		if strings.HasPrefix(id, "handshake.") || strings.HasPrefix(id, "attack.") || strings.HasPrefix(id, "deflate.2.") {
			continue
		}
		c.Title, c.Sent, c.Expected = mirrored(c.Title), mirrored(c.Sent), mirrored(c.Expected)
		out = append(out, c)
	}
	return out
}
