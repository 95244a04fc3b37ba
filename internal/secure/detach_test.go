package secure

import (
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/netip"
	"testing"

	"github.com/framerail/framerail/internal/buffer"
)

// Of finds what Wrap has made, until a loop has it, and nothing else.
func TestOf_FindsWhatCanBeAttached(t *testing.T) {
	a, b := net.Pipe()
	defer a.Close()
	defer b.Close()
	if Of(tls.Server(a, nil)) != nil {
		t.Error("found what crypto/tls was put on without Wrap")
	}
	wrapped := Wrap(a)
	if Unwrap(wrapped) != a || Unwrap(b) != b {
		t.Error("Unwrap gives something else")
	}
	over := tls.Server(wrapped, nil)
	found := Of(over)
	if found == nil || found.Detached() != a {
		t.Fatalf("found %v", found)
	}
	found.Attach(newLink(0), new(buffer.Pool))
	if Of(over) != nil {
		t.Error("found what a loop has")
	}
}

// What is attached in the middle of a record knows how much of it is to come.
func TestWrap_FollowsTheRecords(t *testing.T) {
	a, b := net.Pipe()
	defer a.Close()
	defer b.Close()
	wrapped := Wrap(a)
	found := Of(tls.Server(wrapped, nil))
	for _, sent := range [][]byte{{23, 3, 3, 0, 2, 'a', 'b', 23, 3}, {3, 0, 10, 'c', 'd', 'e'}} {
		go func() { _, _ = b.Write(sent) }()
		if n, err := wrapped.Read(make([]byte, 100)); n != len(sent) || err != nil {
			t.Fatal(n, err)
		}
	}
	found.Attach(newLink(0), new(buffer.Pool))
	if r := found.records; r.left != 7 || r.have != 0 || r.whole != 0 {
		t.Errorf("got %+v", r)
	}
}

// What could not be sent before the connection was detached is given back with it.
func TestDetach_GivesBackWhatWasNotSent(t *testing.T) {
	a, b := net.Pipe()
	defer b.Close()
	pool, full := new(buffer.Pool), newLink(0)
	full.room = 0
	tr := New(full, netip.AddrPort{}, nil, pool)
	tr.mu.Lock()
	_, err := tr.put([]byte("a record"))
	tr.mu.Unlock()
	if n, _ := pool.Lent(); n != 1 || err != nil {
		t.Fatalf("%d buffers are lent, %v", n, err)
	}
	tr.Detach(a)
	if err := (*netConn)(tr).Close(); err != nil {
		t.Error(err)
	}
	if n, _ := pool.Lent(); n != 0 {
		t.Errorf("%d buffers are lent", n)
	}
}

// What had to wait goes out in front of what is written, or read for, afterwards.
func TestDetach_WritesFirstWhatHadToWait(t *testing.T) {
	for name, use := range map[string]func(nc net.Conn) error{
		"writing": func(nc net.Conn) error { _, err := nc.Write([]byte(", another")); return err },
		"reading": func(nc net.Conn) error {
			n, err := nc.Read(make([]byte, 3))
			if err == nil && n != 3 {
				err = io.ErrUnexpectedEOF
			}
			return errors.Join(err, nc.(*netConn).detached.(*wire).after(", another"))
		},
	} {
		t.Run(name, func(t *testing.T) {
			pool, full := new(buffer.Pool), newLink(0)
			full.room = 0
			tr := New(full, netip.AddrPort{}, nil, pool)
			tr.mu.Lock()
			_, err := tr.put([]byte("a record"))
			tr.mu.Unlock()
			if err != nil {
				t.Fatal(err)
			}
			w := &wire{in: "in."}
			tr.Detach(w)
			if err := use((*netConn)(tr)); err != nil {
				t.Fatal(err)
			}
			if got := w.out; got != "a record, another" {
				t.Errorf("sent %q", got)
			}
			if n, _ := pool.Lent(); n != 0 {
				t.Errorf("%d buffers are lent", n)
			}

			w = &wire{in: "in.", broken: true}
			tr = New(full, netip.AddrPort{}, nil, pool)
			tr.mu.Lock()
			_, _ = tr.put([]byte("a record"))
			tr.mu.Unlock()
			tr.Detach(w)
			if err := use((*netConn)(tr)); !errors.Is(err, net.ErrClosed) {
				t.Errorf("what waited could not be written: %v", err)
			}
		})
	}
}

// wire is a connection that keeps what is written.
type wire struct {
	net.Conn
	in, out string
	broken  bool
}

func (w *wire) Read(p []byte) (int, error) {
	n := copy(p, w.in)
	w.in = w.in[n:]
	return n, nil
}

func (w *wire) Write(p []byte) (int, error) {
	if w.broken {
		w.broken = false
		return 0, net.ErrClosed
	}
	w.out += string(p)
	return len(p), nil
}

func (w *wire) after(s string) error { _, err := w.Write([]byte(s)); return err }
