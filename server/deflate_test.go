package server

import (
	"errors"
	"strings"
	"testing"

	"github.com/framerail/framerail/conn"
	"github.com/framerail/framerail/frame"
	"github.com/framerail/framerail/frame/deflate"
)

const offer = "Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits"

// deflated is a frame with a compressed message as a client sends it.
func deflated(text string) []byte {
	packed := deflate.Compressor{}.Append(nil, []byte(text), nil, true)
	return frame.AppendFrame(nil, frame.Header{Fin: true, RSV1: true, Opcode: frame.Text, Masked: true, MaskingKey: 77}, packed)
}

func TestDeflate_IsOffByDefault(t *testing.T) {
	s := start(t, &Server{OnMessage: echo})
	p := dialRaw(t, s)
	if got := p.handshake(offer).Header.Get("Sec-WebSocket-Extensions"); got != "" {
		t.Errorf("agreed on %q", got)
	}
	p.send(string(deflated("x")))
	p.expectClose(frame.ProtocolError)
}

func TestDeflate_MessagesAreCompressedBothWays(t *testing.T) {
	modes(t, func(t *testing.T, d conn.Dispatch) {
		for _, c := range []struct {
			options Deflate
			offer   string
			answer  string
			level   int
		}{
			{Deflate{Enabled: true}, offer, "permessage-deflate; server_no_context_takeover; client_no_context_takeover", 0},
			{Deflate{Enabled: true, ServerTakeover: true, ClientTakeover: true}, offer, "permessage-deflate", 0},
			{Deflate{Enabled: true, ServerTakeover: true, ClientTakeover: true, ServerWindowBits: 12, ClientWindowBits: 9}, offer,
				"permessage-deflate; server_max_window_bits=12; client_max_window_bits=9", 0},
			{Deflate{Enabled: true, ServerTakeover: true, ClientTakeover: true}, offer + "; server_max_window_bits=8",
				"permessage-deflate; server_max_window_bits=8", 9},
			{Deflate{Enabled: true}, "X: y", "", 0},
		} {
			agreed := make(chan bool, 1)
			s := start(t, &Server{OnMessage: echo, Dispatch: d, Deflate: c.options, Limits: Limits{Limits: conn.Limits{DeflateLevel: c.level}}, OnConnection: func(c *conn.Conn) {
				_, ok := c.Deflate()
				agreed <- ok
			}})
			p := dialRaw(t, s)
			if got := p.handshake(c.offer).Header.Get("Sec-WebSocket-Extensions"); got != c.answer {
				t.Errorf("answered %q, want %q", got, c.answer)
			}
			if got := receive(t, agreed); got != (c.answer != "") {
				t.Errorf("the connection says agreed: %t", got)
			}
			if c.answer == "" {
				continue
			}
			text := strings.Repeat("compresses well ", 40)[:512]
			var history deflate.Window
			history.Use(make([]byte, 1<<15))
			var f deflate.Inflater
			for range 3 {
				p.send(string(deflated(text)))
				h, payload := p.next()
				if !h.RSV1 || len(payload) > len(text)/2 {
					t.Fatalf("answered with %+v", h)
				}
				got := make([]byte, 1000)
				f.Reset(deflate.MaxWindowBits)
				n, _, done, err := f.Inflate(got, []byte(payload), true, &history)
				if !done || err != nil || string(got[:n]) != text {
					t.Fatalf("answered with %q, %v", got[:n], err)
				}
				if c.options.ServerTakeover {
					history.Add(got[:n])
				}
			}
		}
	})
}

// Check sees what would be agreed on, and can decline it for clients that fail.
func TestDeflate_CheckMayDecline(t *testing.T) {
	s := start(t, &Server{OnMessage: echo, Deflate: Deflate{Enabled: true, ServerWindowBits: 10}, Check: func(h *Handshake) error {
		if h.Deflate != nil && h.Deflate.ServerMaxWindowBits != 10 {
			t.Errorf("shown %+v", h.Deflate)
		}
		if strings.Contains(h.Request.UserAgent(), "Safari") {
			h.Deflate = nil
		} else if h.Deflate != nil {
			h.Deflate.ServerMaxWindowBits = 8 // what is shown is a copy
		} else {
			h.Deflate = new(deflate.Params)
		}
		return nil
	}})
	for header, want := range map[string]string{
		offer + "\r\nUser-Agent: Safari": "",
		offer:                            "permessage-deflate; server_no_context_takeover; client_no_context_takeover; server_max_window_bits=10",
		"X: nothing offered":             "",
	} {
		if got := dialRaw(t, s).handshake(header).Header.Get("Sec-WebSocket-Extensions"); got != want {
			t.Errorf("answered %q, want %q", got, want)
		}
	}
}

func TestDeflate_OptionsThatCannotBeMeant(t *testing.T) {
	for _, d := range []Deflate{{Enabled: true, ServerWindowBits: 7}, {Enabled: true, ClientWindowBits: 16}} {
		if err := (&Server{Addr: "127.0.0.1:0", Deflate: d}).Start(); err == nil {
			t.Errorf("%+v: started", d)
		}
	}
	for _, level := range []int{10, -1} {
		s := &Server{Addr: "127.0.0.1:0", Deflate: Deflate{Enabled: true}}
		if s.DeflateLevel = level; s.Start() == nil {
			t.Errorf("level %d: started", level)
		}
	}
}

// ignorant sends messages as Tornado and Mojolicious do, which do not heed a
// client_no_context_takeover that they have not offered: the later refer to the earlier.
func ignorant(p *peer, messages ...string) {
	var history deflate.Window
	history.Use(make([]byte, 1<<15))
	for _, m := range messages {
		packed := deflate.Compressor{}.Append(nil, []byte(m), &history, true)
		history.Add([]byte(m))
		p.send(string(frame.AppendFrame(nil, frame.Header{Fin: true, RSV1: true, Opcode: frame.Text, Masked: true, MaskingKey: 77}, packed)))
	}
}

// A client that ignores what it was told is closed, the log says what it did, and
// ClientTakeover, or Check for this client alone, lets it do so.
func TestDeflate_ClientsThatIgnoreNoContextTakeover(t *testing.T) {
	text := strings.Repeat("resembles the one before ", 20)
	for name, c := range map[string]struct {
		options Deflate
		check   func(*Handshake) error
		works   bool
	}{
		"told":           {options: Deflate{Enabled: true}},
		"ClientTakeover": {options: Deflate{Enabled: true, ClientTakeover: true}, works: true},
		"allowed by Check": {options: Deflate{Enabled: true}, works: true, check: func(h *Handshake) error {
			h.Deflate.ClientNoContextTakeover = !strings.HasPrefix(h.Request.UserAgent(), "Tornado/")
			return nil
		}},
		"forbidden by Check": {options: Deflate{Enabled: true, ClientTakeover: true}, check: func(h *Handshake) error {
			h.Deflate.ClientNoContextTakeover = true
			return nil
		}},
	} {
		t.Run(name, func(t *testing.T) {
			var log journal
			s := start(t, &Server{OnMessage: echo, Deflate: c.options, Check: c.check, Logger: log.logger()})
			p := dialRaw(t, s)
			answer := p.handshake(offer + "\r\nUser-Agent: Tornado/6.2").Header.Get("Sec-WebSocket-Extensions")
			if asked := strings.Contains(answer, "client_no_context_takeover"); asked == c.works {
				t.Errorf("answered %q", answer)
			}
			ignorant(p, text, text, text)
			for range 3 {
				h, payload := p.next()
				if h.Opcode == frame.Text {
					continue
				}
				if code, reason, _ := frame.ParseClose([]byte(payload)); c.works || code != frame.InvalidFramePayloadData || string(reason) != conn.ErrContextTakeover.Rule {
					t.Errorf("closed with %v, %q", code, reason)
				}
				log.expect(t, conn.ErrContextTakeover.Rule)
				return
			}
			if !c.works {
				t.Error("works, and was told that it must not")
			}
		})
	}
}

// With a negative Threshold no message is plain: neither an empty one nor one that
// compressing makes longer, in every way of sending.
func TestDeflate_ANegativeThresholdMeansAllMessages(t *testing.T) {
	noise := "\x00\xffx\x17\x9a"
	for name, send := range map[string]func(*conn.Conn, string) error{
		"Send": func(c *conn.Conn, s string) error { return c.Send(conn.Binary, []byte(s)) },
		"SendKeyed": func(c *conn.Conn, s string) error {
			return c.SendMessage(conn.Message{Type: conn.Binary, Payload: []byte(s), Key: "key"})
		},
		"Writer": func(c *conn.Conn, s string) error {
			w, err := c.NewWriter(conn.Binary)
			if err != nil {
				return err
			}
			_, err = w.WriteString(s)
			return errors.Join(err, w.Close())
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := start(t, &Server{Deflate: Deflate{Enabled: true, ServerTakeover: true}, Limits: Limits{Limits: conn.Limits{DeflateThreshold: -1}}, OnConnection: func(c *conn.Conn) {
				for _, m := range []string{"", noise, "", strings.Repeat("long ", 100)} {
					if err := send(c, m); err != nil {
						t.Error(err)
					}
				}
			}})
			p := dialRaw(t, s)
			p.handshake(offer)
			var history deflate.Window
			history.Use(make([]byte, 1<<15))
			var f deflate.Inflater
			for _, want := range []string{"", noise, "", strings.Repeat("long ", 100)} {
				h, payload := p.next()
				got := make([]byte, 1000)
				f.Reset(deflate.MaxWindowBits)
				n, _, done, err := f.Inflate(got, []byte(payload), true, &history)
				if !h.RSV1 || !done || err != nil || string(got[:n]) != want {
					t.Errorf("%+v says %q, %v; want %q", h, got[:n], err, want)
				}
				history.Add(got[:n])
			}
		})
	}
}
