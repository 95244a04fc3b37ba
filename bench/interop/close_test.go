package interop

import (
	"fmt"
	"testing"
	"time"

	"github.com/framerail/framerail/bench/internal/wire"
	"github.com/framerail/framerail/conn"
)

// codes are close codes that a program may send, with and without a reason; the
// last reason is as long as RFC 6455 5.5 allows.
var codes = []struct {
	code   int
	reason string
}{
	{1000, ""},
	{1000, "bye"},
	{1001, "going away"},
	{4001, "caf\u00e9 is closed"},
	{4999, "123 bytes: " + string(wire.Payload(112, 3))},
}

func TestCloseFromTheClient(t *testing.T) {
	eachClient(t, func(t *testing.T, c client, m mode) {
		for _, want := range codes {
			r := startEcho(t, m)
			s := dial(t, c, r.url())
			if err := exchange(s, s.send, wire.Text, []byte("hello")); err != nil {
				t.Fatal(err)
			}
			if err := s.close(want.code, want.reason); err != nil {
				t.Errorf("%d: close: %v", want.code, err)
			}
			if code, _ := s.closed(); c.echoesClose && code != want.code {
				t.Errorf("%d: the server answered %d", want.code, code)
			}
			info := nextClose(t, r)
			if info.By != conn.Peer || int(info.Received) != want.code || info.Reason != want.reason {
				t.Errorf("%d %q: the server saw %v", want.code, want.reason, info)
			}
			if c.echoesClose && !info.Clean() {
				t.Errorf("%d: not clean: %v", want.code, info)
			}
		}
	})
}

func TestCloseFromTheServer(t *testing.T) {
	eachClient(t, func(t *testing.T, c client, m mode) {
		for _, want := range codes {
			r := startCommands(t, m)
			s := dial(t, c, r.url())
			if err := s.send(wire.Text, fmt.Appendf(nil, "close %d %s", want.code, want.reason)); err != nil {
				t.Fatal(err)
			}
			if _, payload, err := s.receive(); err == nil {
				t.Fatalf("%d: message %q in place of the Close", want.code, payload)
			}
			if code, reason := s.closed(); code != want.code || reason != want.reason {
				t.Errorf("%d %q: the client saw %d %q", want.code, want.reason, code, reason)
			}
			info := nextClose(t, r)
			if info.By != conn.Local || int(info.Sent) != want.code || info.Reason != want.reason {
				t.Errorf("%d %q: the server saw %v", want.code, want.reason, info)
			}
		}
	})
}

// nextClose waits for the close callback of one connection.
func nextClose(t *testing.T, r *running) conn.CloseInfo {
	t.Helper()
	select {
	case info := <-r.closes:
		return info
	case <-time.After(patience):
		t.Fatal("no close callback")
		return conn.CloseInfo{}
	}
}
