//go:build linux || darwin || freebsd || netbsd || openbsd || dragonfly

package poller

import (
	"os"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/framerail/framerail/internal/test/leaks"
)

func TestMain(m *testing.M) {
	if addr := os.Getenv(peerEnv); addr != "" {
		runPeer(addr)
		return
	}
	leaks.Main(m)
}

// countDescriptors counts what is open, among more numbers than a test uses.
func countDescriptors() int {
	n := 0
	for fd := range 4096 {
		if _, err := unix.FcntlInt(uintptr(fd), unix.F_GETFD, 0); err == nil {
			n++
		}
	}
	return n
}

// newPoller makes a Poller that ends with the test.
func newPoller(t testing.TB) *Poller {
	t.Helper()
	p, err := New()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.Close() })
	return p
}

// pair makes two connected non-blocking sockets. The caller closes them.
func pair(t testing.TB) (ours, theirs int) {
	t.Helper()
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM, 0)
	if err != nil {
		t.Fatal(err)
	}
	for _, fd := range fds {
		if err := unix.SetNonblock(fd, true); err != nil {
			t.Fatal(err)
		}
	}
	return fds[0], fds[1]
}

// tempPair is pair with the closing left to the test's end.
func tempPair(t testing.TB) (ours, theirs int) {
	t.Helper()
	ours, theirs = pair(t)
	t.Cleanup(func() {
		unix.Close(ours)
		unix.Close(theirs)
	})
	return ours, theirs
}

// tcpPair makes two TCP sockets connected over loopback, ours non-blocking.
// The caller closes theirs, with reset.
func tcpPair(t testing.TB) (ours, theirs int) {
	t.Helper()
	listener, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(listener)
	if err := unix.Bind(listener, &unix.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}); err != nil {
		t.Fatal(err)
	}
	if err := unix.Listen(listener, 1); err != nil {
		t.Fatal(err)
	}
	addr, err := unix.Getsockname(listener)
	if err != nil {
		t.Fatal(err)
	}
	if theirs, err = unix.Socket(unix.AF_INET, unix.SOCK_STREAM, 0); err != nil {
		t.Fatal(err)
	}
	if err := unix.Connect(theirs, addr); err != nil {
		t.Fatal(err)
	}
	if ours, _, err = unix.Accept(listener); err != nil {
		t.Fatal(err)
	}
	if err := unix.SetNonblock(ours, true); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { unix.Close(ours) })
	return ours, theirs
}

// reset closes a TCP socket with RST instead of FIN.
func reset(t testing.TB, fd int) {
	t.Helper()
	linger := unix.Linger{Onoff: 1}
	if err := unix.SetsockoptLinger(fd, unix.SOL_SOCKET, unix.SO_LINGER, &linger); err != nil {
		t.Fatal(err)
	}
	if err := unix.Close(fd); err != nil {
		t.Fatal(err)
	}
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// soon is a deadline for a Wait that is expected to return before it.
func soon() time.Time { return time.Now().Add(30 * time.Second) }

// briefly is a deadline for a Wait that is expected to find nothing.
func briefly() time.Time { return time.Now().Add(20 * time.Millisecond) }

// collect waits until something is ready or the deadline has passed, and
// returns the readiness of each token.
func collect(t testing.TB, p *Poller, deadline time.Time) map[uint64]Interest {
	t.Helper()
	got := make(map[uint64]Interest)
	events := make([]Event, 16)
	for {
		n, err := p.Wait(events, deadline)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range events[:n] {
			got[e.Token] |= e.Ready
		}
		if n > 0 || !time.Now().Before(deadline) {
			return got
		}
	}
}

// expect fails unless exactly want is reported before the deadline.
func expect(t testing.TB, p *Poller, deadline time.Time, want map[uint64]Interest) {
	t.Helper()
	got := collect(t, p, deadline)
	if len(got) != len(want) {
		t.Fatalf("got %v, want %v", got, want)
	}
	for token, ready := range want {
		if got[token] != ready {
			t.Fatalf("got %v, want %v", got, want)
		}
	}
}
