package socket

import (
	"errors"
	"io"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

func TestWriteLast(t *testing.T) {
	ours, theirs := tcpPair(t)
	if n, err := WriteLast(ours, nil); n != 0 || err != nil {
		t.Fatalf("nothing: %d, %v", n, err)
	}
	if n, err := WriteLast(ours, []byte("last")); n != 4 || err != nil {
		t.Fatalf("%d, %v", n, err)
	}
	if got, err := closeLast(t, ours, theirs); got != "last" || err != io.EOF {
		t.Errorf("the peer got %q, %v", got, err)
	}
}

// A close with unread bytes resets the connection. That must not take the last bytes with it.
func TestCloseLast_of_a_socket_that_was_not_read(t *testing.T) {
	ours, theirs := tcpPair(t)
	unix.Write(theirs, []byte("x"))
	b := make([]byte, 1)
	soon(func() bool {
		n, _, _ := unix.Recvfrom(ours, b, unix.MSG_PEEK)
		return n == 1
	})
	if n, err := WriteLast(ours, []byte("last")); n != 4 || err != nil {
		t.Fatalf("%d, %v", n, err)
	}
	if got, err := closeLast(t, ours, theirs); got != "last" || !errors.Is(err, syscall.ECONNRESET) {
		t.Errorf("the peer got %q, %v", got, err)
	}
}

// closeLast closes ours, and returns what the peer then reads up to the end. The number of ours stays in use: the pair's
// cleanup closes it again.
func closeLast(t *testing.T, ours, theirs int) (got string, err error) {
	t.Helper()
	must(t, CloseLast(ours))
	must(t, unix.Dup3(theirs, ours, unix.O_CLOEXEC))
	defer unix.Close(theirs)
	b := make([]byte, 16)
	for err == nil {
		var n int
		n, err = Read(theirs, b)
		got += string(b[:n])
	}
	return got, err
}
