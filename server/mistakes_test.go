package server

import (
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/framerail/framerail/conn"
	"github.com/framerail/framerail/frame"
)

// Each fails however the server is started, with an error that names the field as programs
// know it.
func TestOptions_MalformedOnesFailAtTheStart(t *testing.T) {
	for says, s := range map[string]*Server{
		`OriginPatterns has "https://a b": malformed`: {OriginPatterns: []string{"https://a b"}},
		`OriginPatterns has "": malformed`:            {OriginPatterns: []string{""}},
		"Loops is negative":                           {Loops: -1},
		"no request that it is for":                   {AutoAnswer: conn.AutoAnswer{Answer: "pong"}},
		"not UTF-8":                                   {AutoAnswer: conn.AutoAnswer{Request: "ping", Answer: "\xff"}},
		"Limits.MaxMessageSize is negative":           {Limits: Limits{Limits: conn.Limits{MaxMessageSize: -1}}},
		"Limits.MaxFragments is negative":             {Limits: Limits{Limits: conn.Limits{MaxFragments: -1}}},
		"Limits.MaxPending is negative":               {Limits: Limits{Limits: conn.Limits{MaxPending: -1}}},
		"Limits.QueueMessages is negative":            {Limits: Limits{Limits: conn.Limits{QueueMessages: -1}}},
		"Limits.QueueBytes is negative":               {Limits: Limits{Limits: conn.Limits{QueueBytes: -1}}},
		"Limits.HandshakeTimeout is negative":         {Limits: Limits{HandshakeTimeout: -time.Second}},
		"Limits.CloseTimeout is negative":             {Limits: Limits{Limits: conn.Limits{CloseTimeout: -time.Second}}},
		"no Overflow policy 4":                        {Overflow: conn.OverflowLatest + 1},
		"no Dispatch 3":                               {Dispatch: conn.Adaptive + 1},
		"no CheckDispatch 2":                          {CheckDispatch: conn.OnGoroutines + 1},
		`Path "chat" does not begin with a slash`:     {Path: "chat"},
		`Path "/chat?room=1"`:                         {Path: "/chat?room=1"},
		`Path "/rooms/{room}" has braces`:             {Path: "/rooms/{room}"},
		"set RouteUpgrades":                           {Path: "/rooms/}"},
		"RouteUpgrades is set":                        {RouteUpgrades: true},
		`Subprotocols has "v1, v2"`:                   {Subprotocols: []string{"v0", "v1, v2"}},
		`Subprotocols has ""`:                         {Subprotocols: []string{""}},
		"RequireSubprotocol is set":                   {RequireSubprotocol: true},
		"OnMessage and OnStream are both set":         {OnMessage: echo, OnStream: func(*conn.Conn, *conn.Reader) {}},
		"Deflate has settings, but is not Enabled":    {Deflate: Deflate{ServerTakeover: true}},
		"Limits has a DeflateLevel":                   {Limits: Limits{Limits: conn.Limits{DeflateLevel: 5}}},
		"or a DeflateThreshold":                       {Limits: Limits{Limits: conn.Limits{DeflateThreshold: -1}}},
		"but Path is set, too":                        {RouteUpgrades: true, Path: "/chat", Handler: http.NotFoundHandler()},
		"Leaving.Window is negative":                  {Leaving: Leaving{Window: -1}},
		"Leaving.Notice is negative":                  {Leaving: Leaving{Notice: -1}},
		"Leaving has OldestFirst and NewestFirst":     {Leaving: Leaving{OldestFirst: true, NewestFirst: true}},
		"Leaving.Code 1006 cannot be sent":            {Leaving: Leaving{Code: frame.AbnormalClosure}},
		"Limits.CheckTimeout is set":                  {Check: func(*Handshake) error { return nil }, Limits: Limits{CheckTimeout: time.Second}},
		"Limits.MaxChecks is set":                     {Check: func(*Handshake) error { return nil }, Limits: Limits{MaxChecks: 1}},
	} {
		s.Addr = "127.0.0.1:0"
		for how, run := range map[string]func() error{
			"Start": s.Start, "ListenAndServe": s.ListenAndServe,
			"Serve": func() error { return s.Serve(listenLocal(t)) },
		} {
			err := run()
			if err == nil || s.ListenAddr() != nil {
				t.Errorf("%s: %s returned %v, listening on %v", says, how, err, s.ListenAddr())
			} else if !strings.HasPrefix(err.Error(), "framerail: ") || !strings.Contains(err.Error(), says) {
				t.Errorf("%s returned %q, want it to say %q", how, err, says)
			}
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}
}

// What arrives and can never be sent surprises a program that sends messages on. One that reads
// streams, or that set both limits, meant it.
func TestOptions_MessagesThatCannotBeSentAreLoggedAtTheStart(t *testing.T) {
	limits := func(size int64, pending int) Limits {
		return Limits{Limits: conn.Limits{MaxMessageSize: size, MaxPending: pending}}
	}
	stream := func(*conn.Conn, *conn.Reader) {}
	for name, c := range map[string]struct {
		server *Server
		warned bool
	}{
		"defaults":      {&Server{}, false},
		"larger":        {&Server{Limits: limits(10<<20, 0)}, true},
		"less_pending":  {&Server{Limits: limits(0, 100<<10)}, true},
		"as_large":      {&Server{Limits: limits(1<<20, 0)}, false},
		"both":          {&Server{Limits: limits(10<<20, 1<<20)}, false},
		"both_raised":   {&Server{Limits: limits(10<<20, 20<<20)}, false},
		"with_OnStream": {&Server{Limits: limits(10<<20, 0), OnStream: stream}, false},
	} {
		t.Run(name, func(t *testing.T) {
			log := new(journal)
			c.server.Logger = slog.New(slog.NewTextHandler(log, nil))
			start(t, c.server)
			if got := log.String(); strings.Contains(got, "level=WARN") != c.warned || c.warned && !strings.Contains(got, "MaxPending=") {
				t.Errorf("the log says %q", got)
			}
		})
	}
}

// Addr is listened on once for each scheme, and again when that has ended.
func TestStart_TwiceIsAnError(t *testing.T) {
	s := startTLS(t, &Server{OnMessage: echo})
	if err := s.Start(); err != nil {
		t.Errorf("with TLS and without: %v", err)
	}
	for how, run := range map[string]func() error{
		"Start": s.Start, "ListenAndServe": s.ListenAndServe,
		"StartTLS":          func() error { return s.StartTLS("", "") },
		"ListenAndServeTLS": func() error { return s.ListenAndServeTLS("", "") },
	} {
		if err := run(); err == nil || !strings.Contains(err.Error(), "listens on Addr already") {
			t.Errorf("%s once more returned %v", how, err)
		}
	}
	dialTLS(t, s).alive()
}

// An empty path would be for the system to choose, and nobody would know it.
func TestOptions_AUnixSocketHasAPath(t *testing.T) {
	s := &Server{Addr: "unix:"}
	defer s.Close()
	if err := s.Start(); err == nil || !strings.Contains(err.Error(), "names no path") {
		t.Errorf("Start returned %v, listening on %v", err, s.ListenAddr())
	}
}
