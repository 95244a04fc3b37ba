package server

import (
	"context"
	"io"
	"log/slog"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/framerail/framerail/conn"
	"github.com/framerail/framerail/frame"
	"github.com/framerail/framerail/internal/sampler"
)

// The log has a line for each notable event, and nothing that came from a client but
// its address, and Origin and Host where those are why it was refused; messages that go well
// cause none.
func TestLog_HasNoPayload(t *testing.T) {
	const secret = "SECRET"
	modes(t, func(t *testing.T, d conn.Dispatch) {
		log := new(journal)
		s := start(t, &Server{
			Dispatch: d, SlowCallback: -1, // a slow machine has slow callbacks, which are logged
			Path:   "/chat",
			Limits: Limits{Limits: conn.Limits{MaxMessageSize: 2000, CloseTimeout: time.Minute}},
			Logger: slog.New(slog.NewTextHandler(log, &slog.HandlerOptions{Level: slog.LevelDebug})),
			OnMessage: func(c *conn.Conn, m conn.Message) {
				if m.String() == secret+" panic" {
					panic("in a callback")
				}
				echo(c, m)
			},
		})

		p := dial(t, s, "Cookie: "+secret)
		for range 100 {
			p.text(secret)
			p.expectText(secret)
		}
		p.send(masked(frame.Ping, true, secret))
		p.expect(frame.Pong, secret)
		p.close(frame.NormalClosure, secret)
		p.expectClose(frame.NormalClosure)
		p.expectGone()
		if log.String() != "" {
			t.Errorf("a conversation without an event was logged:\n%s", log)
		}

		for name, c := range map[string]struct {
			frames string
			code   frame.CloseCode
		}{
			"not_UTF-8":  {masked(frame.Text, true, secret+"\xff"), frame.InvalidFramePayloadData},
			"too_big":    {masked(frame.Text, true, strings.Repeat(secret, 1000)), frame.MessageTooBig},
			"unmasked":   {"\x81\x06" + secret, frame.ProtocolError},
			"bad_close":  {masked(frame.Close, true, "\x03\xee"+secret), frame.ProtocolError},
			"bad_reason": {masked(frame.Close, true, "\x03\xe8"+secret+"\xff"), frame.InvalidFramePayloadData},
			"panic":      {masked(frame.Text, true, secret+" panic"), frame.InternalError},
		} {
			before := strings.Count(log.String(), "\n")
			p := dial(t, s)
			p.send(c.frames)
			p.expectClose(c.code)
			if n := strings.Count(log.String(), "\n") - before; n != 1 {
				t.Errorf("%s: %d lines", name, n)
			}
		}
		for _, request := range []string{
			secret + "\r\n\r\n", replace("/chat?room=1", "/"+secret),
			with("Bad Name " + secret + ": x"), replace("dGhlIHNhbXBsZSBub25jZQ==", secret),
		} {
			p := dialRaw(t, s)
			p.send(request)
			p.response().Body.Close()
		}
		log.expect(t, "handshake refused", "reason=")
		if strings.Contains(strings.ToUpper(log.String()), secret) {
			t.Errorf("the log has what a client sent:\n%s", log)
		}
	})
}

func TestLog_TellsOfAPeerThatIsGivenUp(t *testing.T) {
	parallel(t)
	log := new(journal)
	s := start(t, &Server{Logger: log.logger(), Limits: Limits{Limits: conn.Limits{IdleTimeout: 200 * time.Millisecond}}})
	dial(t, s).send(masked(frame.Text, false, "")) // and nothing more
	eventually(t, "the line", func() bool { return log.lines("connection given up") == 1 })
	log.expect(t, "code=1001", conn.ErrIdle.Error())
}

func TestLog_TellsOfTheShutdown(t *testing.T) {
	log := new(journal)
	s := start(t, &Server{Logger: log.logger(), OnMessage: echo})
	p := dial(t, s)
	p.alive()
	go func() {
		p.expectClose(frame.GoingAway)
		p.close(frame.GoingAway, "")
	}()
	for range 2 {
		if _, err := s.Shutdown(context.Background()); err != nil {
			t.Error(err)
		}
	}
	log.expect(t, "framerail: shut down", "clean=1", "forced=0", "lost=0")
	if n := log.lines("level=INFO msg=\"framerail: shut"); n != 1 {
		t.Errorf("%d lines of two calls:\n%s", n, log)
	}
}

// After a deployment under a new name the log has to say why browsers are refused.
func TestLog_OriginRefusalSaysWhatToSet(t *testing.T) {
	var log journal
	s := &Server{OriginPatterns: []string{"https://*.example.org"}, Logger: log.logger()}
	results := make(chan error, 1)
	web := serveWeb(t, s, upgrades(s, results))
	p := web.dialRaw(t)
	p.send(with("Origin: https://evil.example"))
	body, err := io.ReadAll(p.expectStatus(403).Body)
	if err != nil || !strings.Contains(string(body), "OriginPatterns") || strings.Contains(string(body), "evil") {
		t.Errorf("answered %q, %v", body, err)
	}
	for _, says := range []string{receive(t, results).Error(), strings.ReplaceAll(log.String(), `\"`, `"`)} {
		for _, part := range []string{`Origin "https://evil.example"`, `Host "example.com"`, `OriginPatterns ["https://*.example.org"]`} {
			if !strings.Contains(says, part) {
				t.Errorf("%q is not in %q", part, says)
			}
		}
	}
	p = web.dialRaw(t)
	p.send(with("Origin: https://" + strings.Repeat("long.", 500)))
	p.expectStatus(403)
	if n := len(receive(t, results).Error()); n > 1000 {
		t.Errorf("a long origin makes a line of %d bytes", n)
	}
}

// The log of a request for another path says which path the server wants. It has nothing of the request's
// own, since that may be a secret.
func TestLog_PathRefusalSaysWhichPathItWants(t *testing.T) {
	var log journal
	s := start(t, &Server{Path: "/ws", Logger: log.logger()})
	for _, path := range []string{"/secret", "/?token=secret"} {
		p := dialRaw(t, s)
		p.send(replace("/chat?room=1", path))
		if body, err := io.ReadAll(p.expectStatus(404).Body); err != nil || strings.Contains(string(body), "/ws") {
			t.Errorf("answered %q, %v", body, err)
		}
	}
	log.expect(t, "framerail: handshake refused", "status=404", `Path is \"/ws\"`)
	if strings.Contains(log.String(), "secret") {
		t.Errorf("logged %s", log.String())
	}
	if n := s.Stats().Refused[ReasonPath]; n != 2 {
		t.Errorf("%d counted, want 2", n)
	}
}

// A stack is one line that people can read. It has the program's functions and no others,
// whatever callback has panicked.
func TestLog_StacksHaveTheProgramAlone(t *testing.T) {
	modes(t, func(t *testing.T, d conn.Dispatch) {
		for in, frames := range map[string]string{
			"check": "", "open": "", "do": "", "after": "",
			"message": masked(frame.Text, true, "now"), "own message": masked(frame.Text, true, "now"),
			"stream": masked(frame.Text, true, "now"), "own stream": masked(frame.Text, true, "now"),
			"ping": masked(frame.Ping, true, "now"), "own ping": masked(frame.Ping, true, "now"),
			"pong": masked(frame.Pong, true, "now"), "own pong": masked(frame.Pong, true, "now"),
			"close": masked(frame.Close, true, ""), "own close": masked(frame.Close, true, ""),
		} {
			var log journal
			s := &Server{Dispatch: d, SlowCallback: -1, Logger: log.logger(), Check: panicsInCheck, OnConnection: panicsInOpen, OnClose: panicsInClose}
			s.OnPing, s.OnPong = panicsInControl, panicsInControl
			if in == "stream" {
				s.OnStream = panicsInStream
			} else {
				s.OnMessage = panicsWithin
			}
			start(t, s)
			p := dialRaw(t, s)
			p.send(with("Panic: "+in) + frames)
			eventually(t, in+" to be logged", func() bool { return log.lines("panicked") == 1 })
			expectOwnStack(t, in, log.String())
		}
	})
}

// expectOwnStack wants a line of the log to have a stack, of functions of this file alone.
func expectOwnStack(t *testing.T, name, line string) {
	t.Helper()
	m := regexp.MustCompile(`stack="?([^"\n]*)`).FindStringSubmatch(line)
	if m == nil {
		t.Fatalf("%s: no stack in %s", name, line)
	}
	for i, f := range strings.Split(m[1], " < ") {
		in := regexp.MustCompile(`^\S+/server\.(panics\w+)\S* \S+/server/log_test\.go:\d+$`).FindStringSubmatch(f)
		if in == nil || i > 0 && strings.HasPrefix(in[1], "panicsWithin") {
			t.Errorf("%s: the stack is %s", name, m[1])
			return
		}
	}
}

func panicsInCheck(h *Handshake) error {
	h.Value = h.Request.Header.Get("Panic")
	if h.Value == "check" {
		panicsWithin(nil, conn.Message{})
	}
	return nil
}

// panicsInOpen has the callback panic that the client wants.
func panicsInOpen(c *conn.Conn) {
	switch c.Value() {
	case "open":
		panicsWithin(c, conn.Message{})
	case "own message":
		c.OnMessage(panicsWithin)
	case "own stream":
		c.OnStream(panicsInStream)
	case "own ping":
		c.OnPing(panicsInControl)
	case "own pong":
		c.OnPong(panicsInControl)
	case "own close":
		c.OnClose(panicsInClose)
	case "do":
		_ = c.Do(panicsInFunc) // open, and nothing waits
	case "after":
		_, _ = c.AfterFunc(0, panicsInFunc)
	}
}

func panicsInFunc(c *conn.Conn)                   { panicsWithin(c, conn.Message{}) }
func panicsInStream(c *conn.Conn, _ *conn.Reader) { panicsWithin(c, conn.Message{}) }
func panicsInControl(c *conn.Conn, _ []byte)      { panicsWithin(c, conn.Message{}) }

func panicsInClose(c *conn.Conn, _ conn.CloseInfo) {
	if v, _ := c.Value().(string); strings.HasSuffix(v, "close") {
		panicsWithin(c, conn.Message{})
	}
}

func panicsWithin(*conn.Conn, conn.Message) { panic("in a callback") }

// A flood of bad clients does not fill a disk.
func TestLog_OfConnectionsThatFailIsBounded(t *testing.T) {
	modes(t, func(t *testing.T, d conn.Dispatch) {
		log := new(journal)
		s := start(t, &Server{Dispatch: d, Logger: log.logger(), OnMessage: echo})
		began := time.Now()
		const bad = 5 * sampler.Burst
		for range bad {
			p := dial(t, s)
			p.send("\x81\x00") // unmasked
			p.expectClose(frame.ProtocolError)
			p.Close()
		}
		eventually(t, "all to be counted", func() bool { return s.Stats().Causes[CauseProtocol] == bad })
		most := sampler.Burst + 1 + int(time.Since(began)/sampler.Every)
		if n := log.lines("connection failed"); n < sampler.Burst || n > most {
			t.Errorf("%d lines for %d connections, at most %d were expected", n, bad, most)
		}
	})
}
