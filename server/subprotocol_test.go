package server

import (
	"strings"
	"testing"
)

// With RequireSubprotocol nobody is accepted without one, whoever would have it so.
func TestRequireSubprotocol(t *testing.T) {
	s := &Server{OnMessage: echo, Subprotocols: []string{"v2", "v1"}, RequireSubprotocol: true, Check: func(h *Handshake) error {
		if h.Request.Header.Get("Wants") == "none" {
			h.Subprotocol = ""
		}
		return nil
	}}
	start(t, s)
	for _, lines := range [][]string{{"A: b"}, {"Sec-WebSocket-Protocol:"}, {"Sec-WebSocket-Protocol: v3, V2"}, {"Sec-WebSocket-Protocol: v2", "Wants: none"}} {
		p := dialRaw(t, s)
		p.send(with(lines...))
		if _, body := p.expectRefusal(400); !strings.Contains(body, "v2, v1") {
			t.Errorf("%q: the answer does not say what is spoken: %q", lines, body)
		}
	}
	if n := s.Stats().Refused[ReasonSubprotocol]; n != 4 {
		t.Errorf("%d counted, want 4", n)
	}
	p := dialRaw(t, s)
	if got := p.handshake("Sec-WebSocket-Protocol: v3, v1").Header.Get("Sec-Websocket-Protocol"); got != "v1" {
		t.Errorf("agreed on %q", got)
	}
	p.alive()
}

// The same holds in Upgrade.
func TestRequireSubprotocol_InUpgrade(t *testing.T) {
	s := &Server{OnMessage: echo, Subprotocols: []string{"v1"}, RequireSubprotocol: true}
	web := serveWeb(t, s, upgrades(s, nil))
	p := web.dialRaw(t)
	p.send(with("A: b"))
	p.expectStatus(400).Body.Close()
	web.dial(t, "Sec-WebSocket-Protocol: v1").alive()
}
