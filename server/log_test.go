package server

import (
	"context"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/framerail/framerail/conn"
	"github.com/framerail/framerail/frame"
)

// The log has a line for each notable event, and nothing that came from a client but
// its address; messages that go well cause none.
func TestLog_HasNoPayload(t *testing.T) {
	const secret = "SECRET"
	modes(t, func(t *testing.T, d conn.Dispatch) {
		log := new(journal)
		s := start(t, &Server{
			Dispatch: d,
			Path:     "/chat",
			Limits:   Limits{MaxMessageSize: 2000, CloseTimeout: time.Second},
			Logger:   slog.New(slog.NewTextHandler(log, &slog.HandlerOptions{Level: slog.LevelDebug})),
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
			secret + "\r\n\r\n", with("Origin: https://" + secret + ".example"), replace("/chat?room=1", "/"+secret),
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
	log := new(journal)
	s := start(t, &Server{Logger: log.logger(), Limits: Limits{IdleTimeout: 200 * time.Millisecond}})
	dial(t, s).send(masked(frame.Text, false, "")) // and nothing more
	eventually(t, "the line", func() bool { return log.lines("connection given up") == 1 })
	log.expect(t, "code=1008", conn.ErrIdle.Error())
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
