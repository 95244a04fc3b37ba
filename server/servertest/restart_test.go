package servertest

import (
	"io"
	"syscall"
	"testing"
	"time"

	"github.com/framerail/framerail/server"
)

// Between two servers dials are refused. Then the second one has all that come, while the first still has those that
// stay.
func TestSim_Restart(t *testing.T) {
	old := &server.Server{OnMessage: echo}
	sim := simulate(t, 1, old)
	func() {
		defer func() {
			if recover() == nil {
				t.Error("a machine whose server accepts got another one")
			}
		}()
		sim.Restart(&server.Server{Logger: quiet})
	}()
	stays := sim.Dial("/")
	stays.Manual()
	sim.Settle()
	sim.Go(func() { _, _ = old.Shutdown(sim.Context(time.Minute)) })
	sim.Settle()
	if between := sim.Dial("/"); between.End() != syscall.ECONNRESET {
		t.Errorf("a dial between the two: %v", between.End())
	}
	second := &server.Server{OnMessage: echo, Logger: quiet}
	sim.Restart(second)
	c := sim.Dial("/")
	c.SendText("hello")
	c.expect(t, "hello")
	if before, now := old.ClientCount(), second.ClientCount(); before != 1 || now != 1 {
		t.Errorf("%d clients of the first, %d of the second, want one each", before, now)
	}
	sim.Advance(2 * time.Minute)
	if stays.End() != io.EOF || c.End() != nil {
		t.Errorf("that of the first ends with %v, that of the second with %v", stays.End(), c.End())
	}
}
