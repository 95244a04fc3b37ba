package session

import (
	"bytes"
	"errors"
	"log/slog"
	"strings"
	"testing"
)

// A message that no peer could ever be sent is logged, whoever looks at Send's error.
func TestSend_TooLargeIsLogged(t *testing.T) {
	var log bytes.Buffer
	cfg := Config{MaxPending: 1000, Logger: slog.New(slog.NewTextHandler(&log, nil))}
	r := openRig(t, cfg)
	for way, send := range map[string]func([]byte) error{
		"Send":        func(b []byte) error { return r.c.Send(Binary, b) },
		"SendKeyed":   func(b []byte) error { return r.c.SendKeyed("key", Binary, b) },
		"SendPlain":   func(b []byte) error { return r.c.SendPlain(Binary, b) },
		"SendMessage": func(b []byte) error { return r.c.SendMessage(Message{Type: Binary, Payload: b}) },
		"SendWait":    func(b []byte) error { return r.c.SendWait(t.Context(), Binary, b) },
	} {
		log.Reset()
		if err := send(make([]byte, 2000)); !errors.Is(err, ErrMessageTooLarge) {
			t.Errorf("%s: %v", way, err)
		}
		line := log.String()
		if strings.Count(line, "\n") != 1 || !strings.Contains(line, "bytes=2000") || !strings.Contains(line, "MaxPending=1000") || !strings.Contains(line, "level=WARN") {
			t.Errorf("%s: the log says %q", way, line)
		}
		log.Reset()
		if err := send(make([]byte, 10)); err != nil || log.Len() > 0 {
			t.Errorf("%s of 10 bytes: %v, %s", way, err, &log)
		}
	}
}
