package interop

import (
	"fmt"
	"testing"
	"time"

	"github.com/framerail/framerail/bench/internal/wire"
)

// sizes are those at which the length field changes its form, and the largest.
var sizes = []int{0, 1, 125, 126, 65535, 65536, 1 << 20, maxMessage}

func TestEcho(t *testing.T) {
	eachClient(t, func(t *testing.T, c client, m mode) {
		s := dial(t, c, startEcho(t, m).url())
		for _, size := range sizes {
			if err := exchange(s, s.send, wire.Text, text(size)); err != nil {
				t.Fatalf("text, %d bytes: %v", size, err)
			}
			if err := exchange(s, s.send, wire.Binary, noise(size)); err != nil {
				t.Fatalf("binary, %d bytes: %v", size, err)
			}
		}
	})
}

func TestFragmentsFromTheClient(t *testing.T) {
	eachClient(t, func(t *testing.T, c client, m mode) {
		s := dial(t, c, startEcho(t, m).url())
		for _, size := range []int{1, 3000, 300_000} {
			if err := exchange(s, s.sendFragments, wire.Text, text(size)); err != nil {
				t.Fatalf("text, %d bytes: %v", size, err)
			}
			if err := exchange(s, s.sendFragments, wire.Binary, noise(size)); err != nil {
				t.Fatalf("binary, %d bytes: %v", size, err)
			}
		}
	})
}

// RFC 6455 5.4: control frames may come between fragments; the client sees one
// message.
func TestFragmentsFromTheServer(t *testing.T) {
	eachClient(t, func(t *testing.T, c client, m mode) {
		s := dial(t, c, startCommands(t, m).url())
		for _, of := range []struct{ count, size int }{{1, 1}, {3, 1000}, {5, 70_000}} {
			if err := s.send(wire.Text, fmt.Appendf(nil, "fragments %d %d", of.count, of.size)); err != nil {
				t.Fatal(err)
			}
			if err := expect(s, wire.Text, wire.Payload(of.count*of.size, 0)); err != nil {
				t.Fatalf("%d fragments of %d bytes: %v", of.count, of.size, err)
			}
		}
	})
}

func TestPingFromTheClient(t *testing.T) {
	eachClient(t, func(t *testing.T, c client, m mode) {
		s := dial(t, c, startEcho(t, m).url())
		pong, err := s.ping("are you there?")
		if err != nil {
			t.Fatal(err)
		}
		// The libraries see a pong only while they read. A reader that is still
		// waiting does not mind the message that ends its wait.
		received := make(chan error, 1)
		go func() { received <- expect(s, wire.Text, []byte("marker")) }()
		select {
		case payload := <-pong:
			if payload != "are you there?" {
				t.Errorf("pong %q", payload)
			}
		case <-time.After(patience):
			t.Fatal("no pong")
		}
		if err := s.send(wire.Text, []byte("marker")); err != nil {
			t.Fatal(err)
		}
		if err := <-received; err != nil {
			t.Fatal(err)
		}
	})
}

func TestPingFromTheServer(t *testing.T) {
	eachClient(t, func(t *testing.T, c client, m mode) {
		s := dial(t, c, startCommands(t, m).url())
		if err := s.send(wire.Text, []byte("ping knock knock")); err != nil {
			t.Fatal(err)
		}
		if err := expect(s, wire.Text, []byte("pong knock knock")); err != nil {
			t.Fatal(err)
		}
	})
}

func TestManyAtOnce(t *testing.T) {
	const connections = 1000
	eachClient(t, func(t *testing.T, c client, m mode) {
		r := startEcho(t, m)
		sessions := make([]session, connections)
		inParallel(t, connections, 32, func(i int) (err error) {
			sessions[i], err = c.dial(r.url())
			return err
		})
		defer func() {
			for _, s := range sessions {
				if s != nil {
					s.cut()
				}
			}
		}()
		if t.Failed() {
			return
		}
		inParallel(t, connections, connections, func(i int) error {
			s := sessions[i]
			for range 3 {
				if err := exchange(s, s.send, wire.Text, wire.Payload(20, i)); err != nil {
					return err
				}
			}
			return nil
		})
	})
}

// inParallel calls f with every number below n, at most at once of them at a
// time, and waits for all.
func inParallel(t *testing.T, n, at int, f func(int) error) {
	t.Helper()
	places := make(chan struct{}, at)
	errs := make(chan error, n)
	for i := range n {
		places <- struct{}{}
		go func() {
			errs <- f(i)
			<-places
		}()
	}
	for range n {
		if err := <-errs; err != nil {
			t.Error(err)
		}
	}
}
