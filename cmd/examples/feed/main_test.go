package main

import (
	"encoding/json"
	"errors"
	"net"
	"net/http"
	"strings"
	"syscall"
	"testing"

	"github.com/coder/websocket"

	"github.com/framerail/framerail/cmd/examples/internal/exampletest"
	"github.com/framerail/framerail/conn"
)

func TestMain(m *testing.M) { exampletest.Main(m, main) }

// next waits for prices of the first thing: others it need not understand.
func next(t *testing.T, c *websocket.Conn) (u update) {
	t.Helper()
	for {
		text := exampletest.Hear(t, c)
		if !strings.HasPrefix(text, `{"thing":"thing-0"`) {
			continue
		}
		if err := json.Unmarshal([]byte(text), &u); err != nil {
			t.Fatal(err)
		}
		return u
	}
}

// until reads on from one round, the last that was read, to another, and returns how many
// were missed on the way.
func until(t *testing.T, c *websocket.Conn, last, end int) (missed int) {
	t.Helper()
	for last < end {
		round := next(t, c).Round
		missed += round - last - 1
		last = round
	}
	return missed
}

// dialSlow connects with a receive buffer and segments so small that the kernel holds little
// for a client that does not read, on either side.
func dialSlow(t *testing.T, url string) *websocket.Conn {
	t.Helper()
	dialer := &net.Dialer{Control: func(_, _ string, c syscall.RawConn) error {
		var receiving, segments error
		err := c.Control(func(fd uintptr) {
			receiving = syscall.SetsockoptInt(int(fd), syscall.SOL_SOCKET, syscall.SO_RCVBUF, 16<<10)
			segments = syscall.SetsockoptInt(int(fd), syscall.IPPROTO_TCP, syscall.TCP_MAXSEG, 1400)
		})
		return errors.Join(err, receiving, segments)
	}}
	transport := &http.Transport{DialContext: dialer.DialContext}
	t.Cleanup(transport.CloseIdleConnections)
	return exampletest.Dial(t, url, &websocket.DialOptions{HTTPClient: &http.Client{Transport: transport}})
}

// flood is more than a client that does not read, the kernel and the server have room for, in
// so many rounds of some 60 KB.
var flood = []string{"-things=10", "-depth=1000", "-every=1ms", "-slow=0"}

const rounds = 60

// passed waits until the feed has come to a round. A client that read all of it would take
// most of a machine: those here look once each.
func passed(t *testing.T, p *exampletest.Program, round int) {
	t.Helper()
	for now := 0; now < round; {
		c := exampletest.Dial(t, p.URL, nil)
		now = next(t, c).Round
		_ = c.CloseNow()
	}
}

func TestFeedReachesEveryone(t *testing.T) {
	p := exampletest.Start(t, "-things=3", "-every=10ms", "-slow=0")
	for range 3 {
		c := exampletest.Dial(t, p.URL, nil)
		first := next(t, c).Round
		if missed := until(t, c, first, first+20); missed > 0 {
			t.Errorf("%d prices were missed", missed)
		}
		_ = c.CloseNow()
	}
	p.Stop(t)
}

func TestFeedSkipsAheadForSlowReaders(t *testing.T) {
	p := exampletest.Start(t, flood...)
	slow := dialSlow(t, p.URL)
	first := next(t, slow).Round
	passed(t, p, first+rounds)
	if until(t, slow, first, first+rounds) == 0 {
		t.Errorf("none of %d rounds was dropped", rounds)
	}
	next(t, slow) // it is a client as any other still
	_ = slow.CloseNow()
	if log := p.Stop(t); !strings.Contains(log, "messages dropped") {
		t.Errorf("the log does not tell of what was dropped:\n%s", log)
	}
}

// A newcomer gets the last price of each thing, also if no other comes.
func TestFeedBeginsWithTheLastPrices(t *testing.T) {
	p := exampletest.Start(t, "-things=20", "-every=1s", "-slow=0")
	first := exampletest.Dial(t, p.URL, nil)
	round := next(t, first).Round
	_ = first.CloseNow()
	second := exampletest.Dial(t, p.URL, nil)
	seen := map[string]bool{}
	for len(seen) < 20 {
		var u update
		if err := json.Unmarshal([]byte(exampletest.Hear(t, second)), &u); err != nil || u.Round < round {
			t.Fatalf("heard %+v, %v, after round %d", u, err, round)
		}
		seen[u.Thing] = true
	}
	_ = second.CloseNow()
	p.Stop(t)
}

// The page is told what the slow reader sees, which is less than all, and can change its pace.
func TestFeedTellsWhatASlowReaderSees(t *testing.T) {
	p := exampletest.Start(t, "-things=5", "-depth=500", "-every=1ms", "-slow=50")
	c := exampletest.Dial(t, p.URL+"?slow", nil)
	exampletest.Say(t, c, "40")
	for s := (seen{}); s.Missed == 0 || s.Pace != 40; {
		s = seen{}
		_ = json.Unmarshal([]byte(exampletest.Hear(t, c)), &s)
	}
	_ = c.CloseNow()
	p.Stop(t)
}

func TestFeedClosesClientsThatMustNotMissAny(t *testing.T) {
	p := exampletest.Start(t, flood...)
	slow := dialSlow(t, p.URL+"?all=1")
	passed(t, p, next(t, slow).Round+rounds)
	_ = slow.CloseNow()
	if log := p.Stop(t); !strings.Contains(log, conn.ErrPendingFull.Error()) {
		t.Errorf("the log does not tell of a client that was too slow:\n%s", log)
	}
}
