package client

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/framerail/framerail/conn"
	"github.com/framerail/framerail/frame"
	"github.com/framerail/framerail/server"
)

// eventually waits for a condition.
func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for until := time.Now().Add(patience); !ok(); time.Sleep(time.Millisecond) {
		if time.Now().After(until) {
			t.Fatalf("%s: not within %v", what, patience)
		}
	}
}

func TestStats_CountADialAndItsMessages(t *testing.T) {
	c := closed(t, &Client{Loops: 2})
	if st := c.Stats(); st.Dials != 0 || st.Opened != 0 {
		t.Errorf("before the first Dial: %+v", st)
	}
	url := start(t, new(server.Server), false)
	ws := mustDial(t, c, url)
	if _, err := c.Dial(soon(t), "http+nothing://example"); err == nil {
		t.Fatal("a dial of no WebSocket has not failed")
	}
	if err := ws.SendText("hello"); err != nil {
		t.Fatal(err)
	}
	if m, err := ws.Receive(soon(t)); err != nil || m.String() != "hello" {
		t.Fatal(m, err)
	}
	eventually(t, "the message is counted", func() bool {
		st := c.Stats()
		return st.Received.Messages == 1 && st.Sent.Messages == 1 && st.Received.Bytes >= 7 && st.Sent.Bytes >= 11
	})
	if st := c.Stats(); st.Dials != 2 || st.FailedDials != 1 || st.Opened != 1 || st.Closed != 0 || st.Timers == 0 {
		t.Errorf("%+v", st)
	}
	if err := ws.Close(frame.NormalClosure, ""); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the close is counted", func() bool { return c.Stats().Closed == 1 })
	_ = c.Close()
	st := c.Stats()
	if st.Closes[conn.CloseKind{By: conn.Local, Code: frame.NormalClosure}] != 1 || st.Causes["clean"] != 1 || st.Timers != 0 || st.Buffers != 0 {
		t.Errorf("after Close: %+v", st)
	}
	if text, err := json.Marshal(st); err != nil || !strings.Contains(string(text), `"local 1000":1`) {
		t.Errorf("%s, %v", text, err)
	}
}

// The connection that holds most is closed when MaxBuffers is nearly used up. The other one goes on.
func TestMaxBuffers_ClosesTheLargestHolder(t *testing.T) {
	large, small := make(chan conn.CloseInfo, 1), newInbox()
	srv := &server.Server{Limits: server.Limits{Limits: conn.Limits{MaxMessageSize: 8 << 20, MaxPending: 16 << 20}}}
	srv.OnConnection = func(c *conn.Conn) {
		if r, _ := c.Request(); r.URL.Path == "/large" { // a message that does not end
			w, err := c.NewWriter(conn.Binary)
			if err != nil {
				t.Error(err)
				return
			}
			go func() {
				for range 4 << 4 {
					if _, err := w.Write(make([]byte, 64<<10)); err != nil {
						return
					}
				}
			}()
		}
	}
	url := start(t, srv, false)
	c := closed(t, &Client{Limits: Limits{MaxBuffers: 1 << 20, Limits: conn.Limits{MaxMessageSize: 8 << 20}}})
	in := small.in(new(Client))
	c.OnMessage = in.OnMessage
	other := mustDial(t, c, url)
	r, err := parse(soon(t), url+"/large")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.DialRequest(r, func(c *conn.Conn) {
		c.OnClose(func(_ *conn.Conn, i conn.CloseInfo) { large <- i })
	}); err != nil {
		t.Fatal(err)
	}
	select {
	case i := <-large:
		if !errors.Is(i, conn.ErrShed) || i.Sent != frame.TryAgainLater {
			t.Errorf("it ended with %v", i)
		}
	case <-time.After(patience):
		t.Fatalf("it is not closed: %+v", c.Stats())
	}
	checkEcho(t, other, small)
	eventually(t, "the buffers are back", func() bool { return c.Stats().BufferBytes == 0 })
	if st := c.Stats(); st.Causes["shed"] != 1 {
		t.Errorf("%v", st.Causes)
	}
}
