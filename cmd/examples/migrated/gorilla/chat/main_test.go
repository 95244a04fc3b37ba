package main

import (
	"strings"
	"testing"

	"github.com/coder/websocket"

	"github.com/framerail/framerail/cmd/examples/internal/exampletest"
)

func TestMain(m *testing.M) { exampletest.Main(m, main) }

func TestChatTellsEveryone(t *testing.T) {
	p := exampletest.Start(t)
	ada := exampletest.Dial(t, p.URL, nil)
	exampletest.Say(t, ada, "anyone?")
	exampletest.Expect(t, ada, "anyone?")
	bo := exampletest.Dial(t, p.URL, nil)
	exampletest.Say(t, bo, "hello Ada")
	exampletest.Expect(t, ada, "hello Ada")
	exampletest.Expect(t, bo, "hello Ada")
	exampletest.Say(t, bo, strings.Repeat("x", 513))
	exampletest.ExpectClose(t, bo, websocket.StatusMessageTooBig)
	exampletest.Say(t, ada, "still here")
	exampletest.Expect(t, ada, "still here")
	p.Signal(t)
	exampletest.ExpectClose(t, ada, websocket.StatusGoingAway)
	p.End(t)
}
