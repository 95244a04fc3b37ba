package costs

import (
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/framerail/framerail/bench/internal/load"
)

// TestSystemCallsForAConnection counts them from the accept to the close, with the opening handshake and both
// Close frames in between. The client resets the connection at its end.
func TestSystemCallsForAConnection(t *testing.T) {
	calls := map[string][]uint64{
		"accept": {unix.SYS_ACCEPT4}, "close": {unix.SYS_CLOSE},
		"receive": calls["receive"], "send": calls["send"], "change": calls["change"],
		"option": {unix.SYS_SETSOCKOPT}, "ioctl": {unix.SYS_IOCTL},
	}
	bars := map[string]bar{
		"accept": {1, 1.05}, // one more finds that nobody waits
		"close":  {1, 0.1}, "receive": {2, 0.1}, "send": {2, 0.1}, "change": {2, 0.1},
		"option": {2, 0.1}, // for the connection, and for what the peer may leave unread at the end
		"ioctl":  {0, 0.1},
	}
	s := serve(t)
	d, err := load.Start(load.Options{Addr: s.First, Kind: load.Handshake, Conns: 4})
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	if _, err := d.Run(50 * time.Millisecond); err != nil {
		t.Fatal(err)
	}
	tr, err := trace(s.Pid())
	if err != nil {
		t.Fatal(err)
	}
	slice, err := d.Run(500 * time.Millisecond)
	if err != nil {
		t.Error(err)
	}
	if err := tr.stop(); err != nil {
		t.Fatal(err)
	}
	t.Logf("%d connections", slice.Messages)
	for name, bar := range bars {
		got := float64(tr.sum(calls[name]...)) / float64(slice.Messages)
		t.Logf("%s: %.3f calls for each connection", name, got)
		if got > bar.most+bar.tolerance {
			t.Errorf("%s: %.3f calls for each connection, at most %.3f and %.2f", name, got, bar.most, bar.tolerance)
		}
	}
}
