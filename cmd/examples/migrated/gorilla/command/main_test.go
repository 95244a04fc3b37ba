package main

import (
	"testing"

	"github.com/coder/websocket"

	"github.com/framerail/framerail/cmd/examples/internal/exampletest"
)

func TestMain(m *testing.M) { exampletest.Main(m, main) }

func TestCommandHasAProcessForEachConnection(t *testing.T) {
	p := exampletest.Start(t, "sh", "-c", `n=0; while read -r line; do n=$((n+1)); echo "$n: $line"; done`)
	ada, bo := exampletest.Dial(t, p.URL, nil), exampletest.Dial(t, p.URL, nil)
	exampletest.Say(t, ada, "hello")
	exampletest.Expect(t, ada, "1: hello")
	exampletest.Say(t, bo, "hi")
	exampletest.Say(t, ada, "again")
	exampletest.Expect(t, bo, "1: hi")
	exampletest.Expect(t, ada, "2: again")
	if err := ada.Close(websocket.StatusNormalClosure, ""); err != nil {
		t.Error(err)
	}
	p.Signal(t)
	exampletest.ExpectClose(t, bo, websocket.StatusGoingAway)
	p.End(t)
}

func TestCommandEndsWithItsProcess(t *testing.T) {
	p := exampletest.Start(t, "echo", "that is all")
	c := exampletest.Dial(t, p.URL, nil)
	exampletest.Expect(t, c, "that is all")
	exampletest.ExpectClose(t, c, websocket.StatusNormalClosure)
	p.Stop(t)
}
