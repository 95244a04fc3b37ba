package client

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"slices"
	"sync"
	"time"

	"github.com/framerail/framerail/internal/handshake"
	"github.com/framerail/framerail/internal/platform"
	"github.com/framerail/framerail/internal/secure"
)

// A direct dial needs nothing of net/http's Transport. It connects, sends the request and reads the answer on
// the goroutine of its caller. net/http still writes the request and parses the answer. So servers see the same
// bytes either way, and their answers are understood in the same way.

// direct makes such dials. The zero value makes none.
type direct struct {
	connect dialFunc                              // nil: all requests go through the Transport
	proxy   func(*http.Request) (*url.URL, error) // nil: there is none
	tls     *tls.Config
	apart   bool // code of the program's runs in TLS handshakes
	jar     http.CookieJar
	system  platform.Platform
}

// directMost is how many bytes a direct request may have. A server may answer before it has read a longer one,
// and the Transport reads while it writes.
const directMost = 16 << 10

// newDirect is how the client makes direct dials, if its options allow any.
func (c *Client) newDirect(rt http.RoundTripper, config *tls.Config, system platform.Platform) direct {
	if d, ok := rt.(platform.Dialer); ok {
		return direct{connect: d.DialContext, tls: config, jar: c.Jar, system: system}
	}
	if c.Transport != nil || c.MaxRedirects > 0 {
		return direct{}
	}
	d := direct{connect: c.netDialer().DialContext, proxy: http.ProxyFromEnvironment, tls: config, jar: c.Jar, system: system}
	d.apart = callsBack(c.TLSConfig)
	if c.DialContext != nil {
		d.connect = cancellable(connected(c.DialContext))
	}
	return d
}

// head is the request as it is to be sent; nil if the Transport has to make it. It fills in what http.Client would,
// but leaves a request for that as it was.
func (d *direct) head(req *http.Request) []byte {
	if d.connect == nil || !isASCII(req.URL.Host) || httptrace.ContextClientTrace(req.Context()) != nil {
		return nil
	}
	if d.proxy != nil {
		if proxy, err := d.proxy(req); proxy != nil || err != nil {
			return nil
		}
	}
	given := req.Header
	if d.jar != nil || req.URL.User != nil {
		req.Header = given.Clone()
	}
	if d.jar != nil {
		for _, cookie := range d.jar.Cookies(cookieURL(req)) {
			req.AddCookie(cookie)
		}
	}
	if user := req.URL.User; user != nil && req.Header.Get("Authorization") == "" {
		password, _ := user.Password()
		req.SetBasicAuth(user.Username(), password)
	}
	var b bytes.Buffer
	b.Grow(512)
	if err := req.Write(&b); err != nil || b.Len() > directMost {
		req.Header = given
		return nil
	}
	return b.Bytes()
}

// cookieURL is where the cookies of a request belong, as http.Client says.
func cookieURL(req *http.Request) *url.URL {
	if req.Host == "" {
		return req.URL
	}
	u := *req.URL
	u.Host = req.Host
	return &u
}

// do makes a request, and returns the answer with the bytes that came behind a 101.
func (d *direct) do(ctx context.Context, a *attempt, req *http.Request, head []byte) (resp *http.Response, rest []byte, err error) {
	below, err := d.connect(ctx, "tcp", net.JoinHostPort(req.URL.Hostname(), portOf(req.URL)))
	if err != nil {
		return nil, nil, err
	}
	a.note(below)
	if !d.system.Simulated() { // where connections know the context
		stop := context.AfterFunc(ctx, func() { _ = below.Close() })
		defer func() {
			if !stop() && err == nil && resp.StatusCode == http.StatusSwitchingProtocols { // a refusal has all that it needs
				resp, rest, err = nil, nil, context.Cause(ctx)
			}
		}()
	}
	nc := below
	if req.URL.Scheme == "https" {
		if nc, err = d.secure(ctx, nc, req.URL.Hostname()); err != nil {
			return nil, nil, err
		}
	}
	a.reached(nc)
	if _, err = nc.Write(head); err != nil {
		return nil, nil, err
	}
	resp, rest, err = d.read(nc, below, req)
	if err == nil && d.jar != nil {
		if cookies := resp.Cookies(); len(cookies) > 0 {
			d.jar.SetCookies(cookieURL(req), cookies)
		}
	}
	return resp, rest, err
}

// secure does a TLS handshake.
func (d *direct) secure(ctx context.Context, nc net.Conn, name string) (net.Conn, error) {
	config := d.tls
	if config.ServerName == "" {
		config = config.Clone()
		config.ServerName = name
	}
	if isSocket(nc) || d.system.Sockets().IsLent(nc) {
		nc = secure.Wrap(nc)
	}
	over := tls.Client(nc, config)
	if d.system.Simulated() {
		ctx = context.Background() // or crypto/tls would wait for it on a goroutine
	}
	var err error
	if d.apart {
		_, err = apart(ctx, func() (none struct{}, err error) { return none, over.HandshakeContext(ctx) }, nil)
	} else {
		err = over.HandshakeContext(ctx)
	}
	if not, ok := err.(tls.RecordHeaderError); ok && string(not.RecordHeader[:]) == "HTTP/" {
		err = http.ErrSchemeMismatch // as http.Client says
	}
	return over, err
}

// read reads the answer. below is the connection without TLS.
func (d *direct) read(nc, below net.Conn, req *http.Request) (resp *http.Response, rest []byte, err error) {
	in := &bounded{Reader: nc, left: handshake.MaxHeadBytes}
	buf := readers.Get().(*bufio.Reader)
	buf.Reset(in)
	defer func() {
		buf.Reset(nil)
		readers.Put(buf)
	}()
	for {
		if resp, err = http.ReadResponse(buf, req); err != nil {
			return nil, nil, in.explain(err)
		}
		if interim := resp.StatusCode/100 == 1 && resp.StatusCode != http.StatusSwitchingProtocols; !interim {
			break
		}
	}
	if over, ok := nc.(*tls.Conn); ok {
		state := over.ConnectionState()
		resp.TLS = &state
	}
	if resp.StatusCode == http.StatusSwitchingProtocols {
		behind, _ := buf.Peek(buf.Buffered())
		resp.Body = http.NoBody
		return resp, slices.Clone(behind), nil
	}
	in.left = 16 * bodyMost // with what frames the body
	if err := nc.SetReadDeadline(d.system.Now().Add(bodyTime)); err != nil {
		// The connection may have no deadlines.
		defer time.AfterFunc(bodyTime, func() { _ = below.Close() }).Stop()
	}
	body, _ := io.ReadAll(io.LimitReader(resp.Body, bodyMost))
	resp.Body = io.NopCloser(bytes.NewReader(body))
	return resp, nil, nil
}

// readers are for the heads of answers.
var readers = sync.Pool{New: func() any { return bufio.NewReaderSize(nil, 4<<10) }}

// bounded is what is read of an answer.
type bounded struct {
	io.Reader
	left int // bytes that may come yet
}

func (b *bounded) Read(p []byte) (int, error) {
	if b.left <= 0 {
		return 0, errAnswerTooLong
	}
	n, err := b.Reader.Read(p[:min(len(p), b.left)])
	b.left -= n
	return n, err
}

var errAnswerTooLong = fmt.Errorf("framerail: the head of the answer has more than %d bytes", handshake.MaxHeadBytes)

// explain is the error of an answer that could not be read.
func (b *bounded) explain(err error) error {
	if b.left <= 0 {
		return errAnswerTooLong
	}
	return fmt.Errorf("framerail: the answer: %w", err)
}

// isASCII reports whether a host needs no translation for DNS (RFC 5890).
func isASCII(host string) bool {
	for i := range len(host) {
		if host[i] >= 0x80 {
			return false
		}
	}
	return true
}
