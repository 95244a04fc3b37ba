package main

import (
	"fmt"
	"testing"

	"github.com/coder/websocket"

	"github.com/framerail/framerail/cmd/examples/internal/exampletest"
)

func TestMain(m *testing.M) { exampletest.Main(m, main) }

func TestEchoIsPaced(t *testing.T) {
	p := exampletest.Start(t, "-every=1ms", "-burst=2")
	c := exampletest.Dial(t, p.URL, &websocket.DialOptions{Subprotocols: []string{"echo"}})
	for i := range 20 {
		exampletest.Say(t, c, fmt.Sprint(i))
	}
	for i := range 20 {
		exampletest.Expect(t, c, fmt.Sprint(i))
	}
	other := exampletest.Dial(t, p.URL, nil)
	exampletest.ExpectClose(t, other, websocket.StatusPolicyViolation)
	p.Signal(t)
	exampletest.ExpectClose(t, c, websocket.StatusGoingAway)
	p.End(t)
}
