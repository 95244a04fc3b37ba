package main

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"

	"github.com/framerail/framerail/cmd/examples/internal/exampletest"
)

func TestMain(m *testing.M) { exampletest.Main(m, main) }

func TestEchoSendsBack(t *testing.T) {
	p := exampletest.Start(t)
	c := exampletest.Dial(t, p.URL, nil)
	for _, text := range []string{"hello", "", strings.Repeat("long ", 1000)} {
		exampletest.Say(t, c, text)
		exampletest.Expect(t, c, text)
	}
	p.Signal(t)
	exampletest.ExpectClose(t, c, websocket.StatusGoingAway)
	p.End(t)
}

// lines ends a client once it has printed some.
type lines struct {
	strings.Builder
	enough context.CancelFunc
}

func (l *lines) Write(b []byte) (int, error) {
	defer func() {
		if strings.Count(l.String(), "\n") == 3 {
			l.enough()
		}
	}()
	return l.Builder.Write(b)
}

func TestEchoHasAClient(t *testing.T) {
	p := exampletest.Start(t)
	ctx, cancel := context.WithCancel(exampletest.Within(t))
	out := &lines{enough: cancel}
	if err := tick(ctx, p.URL, time.Millisecond, out); err != nil {
		t.Error(err)
	}
	if n := strings.Count(out.String(), "got 20"); n != 3 {
		t.Errorf("printed %q", out)
	}
	p.Stop(t)
}
