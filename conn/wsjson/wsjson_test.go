package wsjson_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/framerail/framerail/conn"
	"github.com/framerail/framerail/conn/wsjson"
	"github.com/framerail/framerail/frame"
	"github.com/framerail/framerail/internal/guard"
	"github.com/framerail/framerail/internal/test/allocs"
	"github.com/framerail/framerail/server"
	"github.com/framerail/framerail/server/servertest"
)

type order struct {
	Item  string `json:"item"`
	Count int    `json:"count"`
}

// Orders come as JSON, and each is confirmed.
func Example() {
	srv := &server.Server{Dispatch: conn.OnGoroutines}
	srv.OnConnection = func(c *conn.Conn) {
		for {
			var o order
			if err := wsjson.Receive(context.Background(), c, &o); err != nil {
				return
			}
			o.Count *= 2
			_ = wsjson.Send(c, o)
		}
	}
	sim := servertest.New(1, srv)
	c := sim.Dial("/")
	c.SendText(`{"item": "tea", "count": 2}`)
	sim.Settle()
	fmt.Println(c.Next())
	c.Close(frame.NormalClosure, "")
	sim.Settle()
	fmt.Println(sim.Close())
	// Output:
	// {"item":"tea","count":4} true
	// <nil>
}

// A message that is no JSON is an error of one call. The next has the next message.
func TestReceive_AfterAMessageThatIsNone(t *testing.T) {
	errs := make(chan error, 3)
	var got order
	srv := &server.Server{Dispatch: conn.OnGoroutines}
	srv.OnConnection = func(c *conn.Conn) {
		for range 3 {
			errs <- wsjson.Receive(context.Background(), c, &got)
		}
	}
	sim := servertest.New(1, srv)
	c := sim.Dial("/")
	c.SendText(`{"item": `)
	c.SendText(`{"item": "salt"}`)
	c.Close(frame.NormalClosure, "")
	sim.Settle()
	if err := <-errs; err == nil || !strings.Contains(err.Error(), "JSON") {
		t.Errorf("error: %v", err)
	}
	if err := <-errs; err != nil || got.Item != "salt" {
		t.Errorf("%v, %v", got, err)
	}
	if err := <-errs; err == nil {
		t.Error("no error at the end")
	}
	if err := sim.Close(); err != nil {
		t.Error(err)
	}
}

func TestSend_AllocatesNothingBeyondTheEncoder(t *testing.T) {
	var c *conn.Conn
	srv := &server.Server{OnConnection: func(opened *conn.Conn) { c = opened }}
	sim := servertest.New(1, srv)
	client := sim.Dial("/")
	sim.Settle()
	v := &order{"tea", 2}
	encoder := json.NewEncoder(io.Discard)
	plain := allocs.PerRun(50, func() { _ = encoder.Encode(v) })
	ours := allocs.PerRun(50, func() {
		if err := wsjson.Send(c, v); err != nil {
			t.Fatal(err)
		}
	})
	if ours > plain && !raceEnabled && !guard.Checking { // a sync.Pool may be empty at any time
		t.Errorf("%v allocations, and the encoder's are %v", ours, plain)
	}
	if err := wsjson.Send(c, func() {}); err == nil {
		t.Error("a function is JSON")
	}
	client.Close(frame.NormalClosure, "")
	sim.Settle()
	if err := sim.Close(); err != nil {
		t.Error(err)
	}
}
