package embedded

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
)

// log gives what the server logs to a slog.Logger.
type log struct {
	to *slog.Logger

	mu    sync.Mutex
	fatal string // guarded by mu: the first one
}

func newLog(to *slog.Logger) *log {
	if to == nil {
		to = slog.Default()
	}
	return &log{to: to}
}

func (l *log) at(level slog.Level, format string, v []any) {
	if l.to.Enabled(context.Background(), level) {
		l.to.Log(context.Background(), level, "nats-server: "+fmt.Sprintf(format, v...))
	}
}

func (l *log) Noticef(format string, v ...any) { l.at(slog.LevelDebug, format, v) }
func (l *log) Warnf(format string, v ...any)   { l.at(slog.LevelWarn, format, v) }
func (l *log) Errorf(format string, v ...any)  { l.at(slog.LevelError, format, v) }
func (l *log) Debugf(string, ...any)           {}
func (l *log) Tracef(string, ...any)           {}

// Fatalf is called for what keeps the server from running. The program goes on.
func (l *log) Fatalf(format string, v ...any) {
	l.at(slog.LevelError, format, v)
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.fatal == "" {
		l.fatal = fmt.Sprintf(format, v...)
	}
}

// failure is why the server cannot run, if it has said so.
func (l *log) failure() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.fatal == "" {
		return nil
	}
	return fmt.Errorf("framerail: the NATS server does not start: %s", l.fatal)
}
