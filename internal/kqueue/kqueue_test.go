//go:build linux

package kqueue

import (
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

func newQueue(t *testing.T) int {
	t.Helper()
	fd, err := Kqueue()
	must(t, err)
	t.Cleanup(func() { unix.Close(fd) })
	return fd
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// pair makes two connected sockets that do not block. Closing one earlier is allowed.
func pair(t *testing.T) (ours, theirs int) {
	t.Helper()
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_NONBLOCK, 0)
	must(t, err)
	var files [2]identity
	for i, fd := range fds {
		files[i], _ = identify(fd)
	}
	t.Cleanup(func() {
		for i, fd := range fds {
			if now, _ := identify(fd); now == files[i] {
				unix.Close(fd)
			}
		}
	})
	return fds[0], fds[1]
}

func write(t *testing.T, fd int) {
	t.Helper()
	_, err := unix.Write(fd, []byte("x"))
	must(t, err)
}

// do makes one change.
func do(q, fd, filter, flags int) error {
	var ch [1]Event
	SetKevent(&ch[0], fd, filter, flags)
	_, err := Kevent(q, ch[:], nil, nil)
	return err
}

// now is what a queue reports at once, for at most room events.
func now(t *testing.T, q, room int) []Event {
	t.Helper()
	events := make([]Event, room)
	n, err := Kevent(q, nil, events, &unix.Timespec{})
	must(t, err)
	return events[:n]
}

// soon waits until a queue reports something.
func soon(t *testing.T, q int) {
	t.Helper()
	for end := time.Now().Add(time.Minute); len(now(t, q, 1)) == 0 && time.Now().Before(end); {
		time.Sleep(time.Millisecond)
	}
}

// reports fails unless exactly the filters wanted are reported at once, of fd.
func reports(t *testing.T, q, fd int, filters ...int16) {
	t.Helper()
	got := now(t, q, 8)
	for i := range got {
		if len(got) != len(filters) || got[i].Filter != filters[i] || got[i].Ident != uint64(fd) {
			t.Fatalf("got %+v, want filters %v of %d", got, filters, fd)
		}
	}
	if len(got) != len(filters) {
		t.Fatalf("got %+v, want filters %v of %d", got, filters, fd)
	}
}

func TestChanges(t *testing.T) {
	q := newQueue(t)
	a, b := pair(t)
	write(t, b)
	for _, step := range []struct {
		filter, flags int
		want          error
		reported      []int16
	}{
		{EVFILT_READ, EV_DELETE, unix.ENOENT, nil},
		{EVFILT_READ, EV_ENABLE, unix.ENOENT, nil},
		{EVFILT_READ, EV_ADD, nil, []int16{EVFILT_READ}},
		{EVFILT_WRITE, EV_DELETE, unix.ENOENT, []int16{EVFILT_READ}},
		{EVFILT_WRITE, EV_ADD | EV_DISABLE, nil, []int16{EVFILT_READ}},
		{EVFILT_WRITE, EV_ADD, nil, []int16{EVFILT_READ}}, // does not enable
		{EVFILT_WRITE, EV_ENABLE, nil, []int16{EVFILT_READ, EVFILT_WRITE}},
		{EVFILT_READ, EV_DISABLE, nil, []int16{EVFILT_WRITE}},
		{EVFILT_WRITE, EV_DISABLE, nil, nil},
		{EVFILT_READ, EV_ENABLE, nil, []int16{EVFILT_READ}},
		{EVFILT_READ, EV_DELETE, nil, nil},
		{EVFILT_READ, EV_DELETE, unix.ENOENT, nil},
		{EVFILT_WRITE, EV_DELETE, nil, nil},
		{EVFILT_READ, EV_ADD | EV_DELETE, nil, nil},
		{EVFILT_READ, EV_ADD | EV_ONESHOT, nil, []int16{EVFILT_READ}},
		{EVFILT_READ, EV_DELETE, unix.ENOENT, nil}, // was reported once
		{-7, EV_ADD, unix.EINVAL, nil},
		{1, EV_ADD, unix.EINVAL, nil},
		{EVFILT_READ, EV_ADD | 0x800, unix.EINVAL, nil},
	} {
		if err := do(q, a, step.filter, step.flags); err != step.want {
			t.Fatalf("filter %d, flags %#x: %v, want %v", step.filter, step.flags, err, step.want)
		}
		reports(t, q, a, step.reported...)
	}
}

func TestErrors_of_descriptors(t *testing.T) {
	q := newQueue(t)
	a, b := pair(t)
	if err := do(q, 1<<20, EVFILT_READ, EV_ADD); err != unix.EBADF {
		t.Errorf("no such descriptor: %v, want EBADF", err)
	}
	if _, err := Kevent(a, nil, make([]Event, 1), &unix.Timespec{}); err != unix.EBADF {
		t.Errorf("a socket as the queue: %v, want EBADF", err)
	}
	must(t, do(q, a, EVFILT_READ, EV_ADD))
	must(t, unix.Close(a))
	if err := do(q, a, EVFILT_READ, EV_DELETE); err != unix.EBADF {
		t.Errorf("closed: %v, want EBADF", err)
	}
	if err := do(q, newQueue(t), EVFILT_WRITE, EV_ADD); err != unix.EINVAL {
		t.Errorf("writing to a queue: %v, want EINVAL", err)
	}
	gone, err := Kqueue()
	must(t, err)
	must(t, unix.Close(gone))
	if err := do(gone, b, EVFILT_READ, EV_ADD); err != unix.EBADF {
		t.Errorf("queue closed: %v, want EBADF", err)
	}
}

// A change that fails, or wants a receipt, is told where events are; then nothing is
// waited for. Without room there an error ends the call, and what comes after it is
// not done.
func TestReceipts(t *testing.T) {
	q := newQueue(t)
	a, b := pair(t)
	write(t, b)
	changes := make([]Event, 3)
	SetKevent(&changes[0], a, EVFILT_READ, EV_ADD|EV_RECEIPT)
	SetKevent(&changes[1], a, EVFILT_WRITE, EV_DELETE)
	SetKevent(&changes[2], a, EVFILT_WRITE, EV_ADD)

	events := make([]Event, 4)
	n, err := Kevent(q, changes, events, nil)
	if n != 2 || err != nil {
		t.Fatal(n, err)
	}
	for i, want := range []Event{
		{Ident: uint64(a), Filter: EVFILT_READ, Flags: EV_ERROR, Data: 0},
		{Ident: uint64(a), Filter: EVFILT_WRITE, Flags: EV_ERROR, Data: int64(unix.ENOENT)},
	} {
		if events[i] != want {
			t.Errorf("receipt %d: %+v, want %+v", i, events[i], want)
		}
	}
	reports(t, q, a, EVFILT_READ, EVFILT_WRITE)

	must(t, do(q, a, EVFILT_WRITE, EV_DELETE))
	if n, err := Kevent(q, changes[1:], nil, nil); n != -1 || err != unix.ENOENT {
		t.Errorf("no room: %d, %v", n, err)
	}
	reports(t, q, a, EVFILT_READ)
}

func TestLevel_and_clear(t *testing.T) {
	level, clear := newQueue(t), newQueue(t)
	a, b := pair(t)
	must(t, do(level, a, EVFILT_READ, EV_ADD))
	must(t, do(clear, a, EVFILT_READ, EV_ADD|EV_CLEAR))
	write(t, b)
	reports(t, clear, a, EVFILT_READ)
	for range 3 {
		reports(t, level, a, EVFILT_READ)
		reports(t, clear, a)
	}
	write(t, b)
	reports(t, clear, a, EVFILT_READ)
	if err := do(clear, a, EVFILT_WRITE, EV_ADD); err != unix.EINVAL {
		t.Errorf("one filter with EV_CLEAR: %v, want EINVAL", err)
	}
	unix.Read(a, make([]byte, 8))
	reports(t, level, a)
}

func TestUdata_is_that_of_the_last_EV_ADD(t *testing.T) {
	q := newQueue(t)
	a, b := pair(t)
	write(t, b)
	for range 2 {
		tag := new(byte)
		ch := []Event{{Ident: uint64(a), Filter: EVFILT_READ, Flags: EV_ADD, Udata: tag}}
		_, err := Kevent(q, ch, nil, nil)
		must(t, err)
		if got := now(t, q, 1); len(got) != 1 || got[0].Udata != tag {
			t.Fatalf("%+v, want user data %p", got, tag)
		}
	}
}

// With room for one event, each of two filters has its turn.
func TestRoom(t *testing.T) {
	q := newQueue(t)
	a, b := pair(t)
	write(t, b)
	must(t, do(q, a, EVFILT_READ, EV_ADD))
	must(t, do(q, a, EVFILT_WRITE, EV_ADD))
	seen := make(map[int16]int)
	for range 4 {
		for _, ev := range now(t, q, 1) {
			seen[ev.Filter]++
		}
	}
	if seen[EVFILT_READ] != 2 || seen[EVFILT_WRITE] != 2 {
		t.Errorf("reported %v", seen)
	}
	// What had no room is looked at again when it has.
	now(t, q, 1)
	unix.Read(a, make([]byte, 8))
	must(t, do(q, a, EVFILT_WRITE, EV_DELETE))
	if got := now(t, q, 8); len(got) != 0 {
		t.Errorf("%+v, want nothing", got)
	}
}

func TestEndOfFile(t *testing.T) {
	t.Run("half", func(t *testing.T) {
		q := newQueue(t)
		a, b := pair(t)
		must(t, do(q, a, EVFILT_READ, EV_ADD))
		must(t, do(q, a, EVFILT_WRITE, EV_ADD))
		write(t, b)
		must(t, unix.Shutdown(b, unix.SHUT_WR))
		got := now(t, q, 2)
		if len(got) != 2 || got[0].Flags&EV_EOF == 0 || got[0].Data != 1 || got[0].Fflags != 0 || got[1].Flags&EV_EOF != 0 {
			t.Errorf("%+v", got)
		}
	})
	t.Run("pipe", func(t *testing.T) {
		q := newQueue(t)
		var ends [2]int
		must(t, unix.Pipe(ends[:]))
		defer unix.Close(ends[0])
		must(t, do(q, ends[0], EVFILT_READ, EV_ADD))
		unix.Close(ends[1])
		if got := now(t, q, 2); len(got) != 1 || got[0].Flags&EV_EOF == 0 || got[0].Data != 0 {
			t.Errorf("%+v", got)
		}
		must(t, do(q, ends[0], EVFILT_READ, EV_DISABLE))
		if got := now(t, q, 2); len(got) != 0 {
			t.Errorf("disabled: %+v", got)
		}
	})
	t.Run("reset", func(t *testing.T) {
		q := newQueue(t)
		ours, theirs := tcpPair(t)
		must(t, do(q, ours, EVFILT_READ, EV_ADD))
		must(t, do(q, ours, EVFILT_WRITE, EV_ADD))
		must(t, unix.SetsockoptLinger(theirs, unix.SOL_SOCKET, unix.SO_LINGER, &unix.Linger{Onoff: 1}))
		unix.Close(theirs)
		var got []Event
		for end := time.Now().Add(time.Minute); (len(got) != 2 || got[0].Flags&EV_EOF == 0) && time.Now().Before(end); {
			got = now(t, q, 2)
		}
		for _, ev := range got {
			if ev.Flags&EV_EOF == 0 || ev.Fflags != uint32(unix.ECONNRESET) {
				t.Errorf("%+v", ev)
			}
		}
		if _, err := unix.Read(ours, make([]byte, 1)); err != unix.ECONNRESET {
			t.Errorf("the error was taken off the socket: %v", err)
		}
	})
}

// tcpPair makes two sockets connected over loopback. The caller closes theirs.
func tcpPair(t *testing.T) (ours, theirs int) {
	t.Helper()
	ln, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM, 0)
	must(t, err)
	defer unix.Close(ln)
	must(t, unix.Bind(ln, &unix.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}))
	must(t, unix.Listen(ln, 1))
	q := newQueue(t)
	must(t, do(q, ln, EVFILT_READ, EV_ADD))
	reports(t, q, ln)
	at, err := unix.Getsockname(ln)
	must(t, err)
	theirs, err = unix.Socket(unix.AF_INET, unix.SOCK_STREAM, 0)
	must(t, err)
	must(t, unix.Connect(theirs, at))
	soon(t, q) // the last packet of the handshake may be on its way
	reports(t, q, ln, EVFILT_READ)
	ours, _, err = unix.Accept(ln)
	must(t, err)
	t.Cleanup(func() { unix.Close(ours) })
	return ours, theirs
}

// A descriptor's filters end with it, though a copy keeps its socket open, and are
// not those of the next file with its number.
func TestClosing_drops_filters(t *testing.T) {
	q := newQueue(t)
	a, b := pair(t)
	other, otherEnd := pair(t)
	must(t, do(q, a, EVFILT_READ, EV_ADD))
	must(t, do(q, other, EVFILT_READ, EV_ADD))
	copied, err := unix.Dup(a)
	must(t, err)
	defer unix.Close(copied)
	must(t, unix.Close(a))
	write(t, b)
	reports(t, q, a)

	next, nextEnd := pair(t)
	if next != a {
		t.Fatalf("descriptor %d did not come back", a)
	}
	write(t, nextEnd)
	reports(t, q, next)
	if err := do(q, next, EVFILT_READ, EV_DELETE); err != unix.ENOENT {
		t.Errorf("deleting what was the old file's: %v, want ENOENT", err)
	}
	must(t, do(q, next, EVFILT_READ, EV_ADD))
	reports(t, q, next, EVFILT_READ)
	must(t, do(q, next, EVFILT_READ, EV_DELETE))
	write(t, otherEnd)
	reports(t, q, other, EVFILT_READ) // is still there
}

func TestTimeout(t *testing.T) {
	q := newQueue(t)
	a, b := pair(t)
	must(t, do(q, a, EVFILT_READ, EV_ADD))
	events := make([]Event, 2)
	for _, bad := range []unix.Timespec{{Sec: -1}, {Nsec: -1}, {Nsec: 1e9}, {Sec: longest + 1}} {
		if n, err := Kevent(q, nil, events, &bad); n != -1 || err != unix.EINVAL {
			t.Errorf("%v: %d, %v, want EINVAL", bad, n, err)
		}
	}
	began := time.Now()
	n, err := Kevent(q, nil, events, &unix.Timespec{Nsec: 20e6})
	if took := time.Since(began); n != 0 && err != unix.EINTR || err == nil && took < 20*time.Millisecond {
		t.Errorf("%d, %v after %v", n, err, took)
	}
	arrived := func() { write(t, b) }
	TimedOut.Store(&arrived)
	if n, err := Kevent(q, nil, events, &unix.Timespec{}); n != 0 || err != nil {
		t.Errorf("what became ready in the last moment: %d, %v", n, err)
	}
	TimedOut.Store(nil)
	reports(t, q, a, EVFILT_READ)

	unix.Read(a, make([]byte, 8))
	timer := time.AfterFunc(20*time.Millisecond, func() { unix.Write(b, []byte("x")) })
	defer timer.Stop()
	for n, err = Kevent(q, nil, events, nil); err == unix.EINTR; {
		n, err = Kevent(q, nil, events, nil)
	}
	if n != 1 || err != nil {
		t.Errorf("without a timeout: %d, %v", n, err)
	}
}

// A queue with something to report is itself ready to be read.
func TestQueue_of_queues(t *testing.T) {
	inner, outer := newQueue(t), newQueue(t)
	a, b := pair(t)
	must(t, do(inner, a, EVFILT_READ, EV_ADD))
	must(t, do(outer, inner, EVFILT_READ, EV_ADD))
	reports(t, outer, inner)
	write(t, b)
	reports(t, outer, inner, EVFILT_READ)
}

// A call that waits is answered by what another goroutine adds meanwhile.
func TestChange_while_another_waits(t *testing.T) {
	q := newQueue(t)
	a, b := pair(t)
	write(t, b)
	timer := time.AfterFunc(20*time.Millisecond, func() { _ = do(q, a, EVFILT_READ, EV_ADD) })
	defer timer.Stop()
	events := make([]Event, 1)
	n, err := Kevent(q, nil, events, nil)
	for err == unix.EINTR {
		n, err = Kevent(q, nil, events, nil)
	}
	if n != 1 || err != nil {
		t.Fatal(n, err)
	}
}
