//go:build linux

package main

import (
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"

	"github.com/framerail/framerail/server"
)

// negotiationCommand sends handshakes whose Origin, subprotocols and extensions are
// made from their grammars, and from what looks like them. Broken, a server agrees to
// what nobody offered.
type negotiationCommand struct {
	scale
	Count   int    `default:"100000" help:"Handshakes."`
	Seed    uint64 `default:"1" help:"Of all that they ask for."`
	Workers int    `default:"8" help:"How many at a time."`
}

// What the server of this bar agrees to: its own origin, that pattern, and these
// subprotocols, the best first.
const negotiationPattern = "https://*.allowed.example"

var negotiationSubprotocols = []string{"chat.v2", "chat"}

// negotiationDeflate has bounds of its own on both windows, and no wish about takeover.
var negotiationDeflate = server.Deflate{Enabled: true, ServerTakeover: true, ClientTakeover: true, ServerWindowBits: 14, ClientWindowBits: 11}

func (b *negotiationCommand) Run(ctx context.Context) error {
	if b.Short {
		b.Count = 500
	}
	set := setup{Program: "echo", Subprotocols: negotiationSubprotocols, OriginPatterns: []string{negotiationPattern}, Deflate: negotiationDeflate}
	if b.Break {
		set = setup{Faulty: "eager"}
	}
	return against(ctx, set, b.negotiate)
}

func (b *negotiationCommand) negotiate(ctx context.Context, v *verdict, p *process) (figure string, err error) {
	var accepted, refused, forbidden, agreed, extended atomic.Int64
	err = each(ctx, b.Count, b.Workers, func(ctx context.Context, i int) error {
		o := newOffer(rand.New(rand.NewPCG(b.Seed, uint64(i))))
		answer, err := o.make(ctx, p.addr)
		if err != nil {
			v.miss("handshake %d, %q: %v", i, o.lines(), err)
			return nil
		}
		switch answer.StatusCode {
		case 101:
			accepted.Add(1)
		case 400:
			refused.Add(1)
		case 403:
			forbidden.Add(1)
		}
		if answer.Header.Get(protocolField) != "" {
			agreed.Add(1)
		}
		if answer.Header.Get(extensionsField) != "" {
			extended.Add(1)
		}
		if err := o.judge(answer); err != nil {
			v.miss("handshake %d, %q: %v", i, o.lines(), err)
		}
		return nil
	})
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("%d handshakes of seed %d: %d accepted, %d of them with a subprotocol and %d with compression, each as it was offered; %d refused as malformed, %d by their origin",
		b.Count, b.Seed, accepted.Load(), agreed.Load(), extended.Load(), refused.Load(), forbidden.Load()), nil
}

const (
	protocolField   = "Sec-WebSocket-Protocol"
	extensionsField = "Sec-WebSocket-Extensions"
)

// offer is what one handshake asks for.
type offer struct {
	host       string
	origin     string // "": no such line
	protocols  []string
	extensions []string
	// odd tells that something in it is not as a client would write it, so that it
	// may be refused.
	odd bool
}

func newOffer(r *rand.Rand) *offer {
	o := &offer{host: pick(r, "localhost", "localhost:8080", "127.0.0.1")}
	o.origin = o.randomOrigin(r)
	for range r.IntN(3) {
		o.protocols = append(o.protocols, o.randomList(r, o.randomProtocol))
	}
	for range r.IntN(3) {
		o.extensions = append(o.extensions, o.randomList(r, o.randomExtension))
	}
	return o
}

func pick(r *rand.Rand, of ...string) string { return of[r.IntN(len(of))] }

// pickOdd is one of usual, or, now and then, one of strange.
func (o *offer) pickOdd(r *rand.Rand, usual, strange []string) string {
	if r.IntN(16) > 0 {
		return pick(r, usual...)
	}
	o.odd = true
	return pick(r, strange...)
}

func (o *offer) randomOrigin(r *rand.Rand) string {
	if r.IntN(4) == 0 {
		return pick(r, "", "", "", "null")
	}
	scheme := o.pickOdd(r, []string{"http", "https", "HTTPS"}, []string{"ws", "file", "javascript", "data", "chrome-extension", "", "http:", "htt p"})
	host := o.pickOdd(r,
		[]string{"localhost", "LocalHost", "localhost", "127.0.0.1", "evil.example", "a.allowed.example", "b.a.ALLOWED.example", "allowed.example",
			"xallowed.example", "localhost.evil.example", "evil-localhost", "[::1]", "a.allowed.example.evil.example"},
		[]string{"", "user@localhost", "localhost@evil.example", "localhost%00", "localhost\\", "[::1", "*", "*.allowed.example", "lo cal", ".", "a.allowed.example."})
	port := o.pickOdd(r, []string{"", ":80", ":443", ":8080", ":8081"}, []string{":", ":0", ":080", ":99999", ":-1", ":a", ":80:80"})
	tail := o.pickOdd(r, []string{""}, []string{"/", "/chat", "?", "#", ", http://localhost", " http://localhost", "\t"})
	return scheme + "://" + host + port + tail
}

// randomList is the value of one line that lists what element makes; now and then nothing.
func (o *offer) randomList(r *rand.Rand, element func(*rand.Rand) string) string {
	if r.IntN(16) == 0 {
		return pick(r, "", " ", ",", ", ,")
	}
	list := element(r)
	for range r.IntN(4) {
		list += pick(r, ",", ", ", " ,\t", ",,", ", ,") + element(r)
	}
	return list
}

func (o *offer) randomProtocol(r *rand.Rand) string {
	return o.pickOdd(r, []string{"chat", "chat.v2", "Chat", "superchat", "graphql-ws", "chat.v20", "chat.v2.0"},
		[]string{"a/b", `"chat"`, "chat chat", "chat;v=2", "(chat)", "ch\u00e4t", "=", "{}"})
}

func (o *offer) randomExtension(r *rand.Rand) string {
	s := o.pickOdd(r, []string{"permessage-deflate", "permessage-deflate", "x-webkit-deflate-frame", "permessage-bzip2", "mux"},
		[]string{"", "perm essage", ";", "=", "permessage-deflate;", `"permessage-deflate"`, "__proto__", "constructor"})
	for range r.IntN(4) {
		s += pick(r, ";", "; ", " ;\t") + o.pickOdd(r,
			[]string{"client_max_window_bits", "server_max_window_bits", "client_no_context_takeover", "server_no_context_takeover", "mode"},
			[]string{"", "=", "a b", "__proto__"})
		if strings.HasSuffix(s, "bits") && r.IntN(4) > 0 || r.IntN(16) == 0 {
			s += "=" + o.pickOdd(r, []string{"8", "10", "15", `"12"`, `"1\5"`}, []string{"", "0", "7", "16", "99", "-1", "010", `"`, `"a b"`, `""`, "1 5"})
		}
	}
	return s
}

func (o *offer) lines() (lines []string) {
	if o.origin != "" {
		lines = append(lines, "Origin: "+o.origin)
	}
	for _, p := range o.protocols {
		lines = append(lines, protocolField+": "+p)
	}
	for _, e := range o.extensions {
		lines = append(lines, extensionsField+": "+e)
	}
	return lines
}

func (o *offer) make(ctx context.Context, addr string) (*http.Response, error) {
	c, err := connect(ctx, addr)
	if err != nil {
		return nil, err
	}
	defer c.reset()
	if _, err := io.WriteString(c, handshakeWith("GET / HTTP/1.1", "Host: "+o.host, o.lines()...)); err != nil {
		return nil, err
	}
	return http.ReadResponse(c.in, nil)
}

// judge holds the answer against the offer.
func (o *offer) judge(a *http.Response) error {
	welcome := o.origin == "" || originIsWelcome(o.origin, o.host)
	switch {
	case a.StatusCode != 101 && a.StatusCode != 400 && a.StatusCode != 403:
		return fmt.Errorf("status %d", a.StatusCode)
	case a.StatusCode == 101 && !welcome:
		return fmt.Errorf("a page of %q may connect to %q", o.origin, o.host)
	case a.StatusCode != 101 && welcome && !o.odd:
		return fmt.Errorf("status %d", a.StatusCode)
	case a.StatusCode != 101:
		return nil
	}
	offered := elements(o.protocols)
	best := ""
	for _, name := range slices.Backward(negotiationSubprotocols) {
		if slices.Contains(offered, name) {
			best = name
		}
	}
	if got := a.Header.Values(protocolField); len(got) > 1 || len(got) == 1 && got[0] != best || len(got) == 0 && best != "" {
		return fmt.Errorf("subprotocol %q, not %q", got, best)
	}
	return extensionsAgreed(elements(a.Header.Values(extensionsField)), elements(o.extensions))
}

// elements splits lists at their commas; no value here has one within quotes.
func elements(lines []string) (all []string) {
	for _, line := range lines {
		for _, e := range strings.Split(line, ",") {
			if e = strings.Trim(e, " \t"); e != "" {
				all = append(all, e)
			}
		}
	}
	return all
}

// originIsWelcome is the rule of same origin and of the server's one pattern, by way
// of net/url.
func originIsWelcome(origin, host string) bool {
	u, err := url.Parse(strings.Trim(origin, " \t")) // RFC 9110 5.5: white space around a value is not part of it
	if err != nil || u.User != nil || u.Path != "" || u.RawQuery != "" || u.ForceQuery || strings.ContainsAny(origin, "#\\") {
		return false
	}
	if u.Scheme != "http" && u.Scheme != "https" {
		return false
	}
	standard := map[string]int{"http": 80, "https": 443}[u.Scheme]
	own := url.URL{Host: host}
	if strings.EqualFold(u.Hostname(), own.Hostname()) && portOr(u.Port(), standard) == portOr(own.Port(), standard) {
		return true
	}
	below := strings.HasSuffix(strings.ToLower(u.Hostname()), ".allowed.example")
	return u.Scheme == "https" && below && portOr(u.Port(), standard) == standard
}

func portOr(port string, standard int) int {
	if n, err := strconv.Atoi(port); err == nil {
		return n
	}
	return standard
}
