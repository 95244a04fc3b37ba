package conform

import (
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

// inbox is where what a server sends waits for the case. Its goroutine reads all the
// time, so that a server that answers while the client still sends is never held up.
type inbox struct {
	conn   net.Conn
	reader reader
	log    *wireLog
	active atomic.Int64  // when something was last sent or received, in Unix nanoseconds
	gate   sync.Mutex    // while it is held, the goroutine does not read
	signal chan struct{} // capacity 1: there is something new
	done   chan struct{} // the goroutine has ended

	mu    sync.Mutex
	queue []any // *closing, event, error: an error is the last
}

func newInbox(conn net.Conn, log *wireLog) *inbox {
	in := &inbox{conn: conn, log: log, signal: make(chan struct{}, 1), done: make(chan struct{})}
	in.touch()
	return in
}

func (in *inbox) touch() { in.active.Store(time.Now().UnixNano()) }

// quiet is how long nothing has been sent or received.
func (in *inbox) quiet() time.Duration {
	return time.Duration(time.Now().UnixNano() - in.active.Load())
}

// run reads until the connection ends or breaks a rule. The first bytes are rest,
// which came with the handshake's answer.
func (in *inbox) run(rest []byte) {
	defer close(in.done)
	buf := make([]byte, 64<<10)
	for {
		if err := in.take(rest); err != nil {
			in.put(err)
			return
		}
		in.pass()
		n, err := in.conn.Read(buf)
		if n == 0 && err != nil {
			in.put(in.ended(err))
			return
		}
		in.touch()
		rest = buf[:n]
	}
}

// pass waits while somebody holds the gate.
func (in *inbox) pass() {
	in.gate.Lock()
	defer in.gate.Unlock()
}

// take takes apart what was read.
func (in *inbox) take(b []byte) error {
	in.reader.feed(b)
	for {
		got, err := in.reader.next()
		if got != nil {
			header := got.header
			in.log.add(Record{Dir: Received, Header: &header}, got.payload)
		}
		switch {
		case err != nil:
			in.log.note("what came is wrong: %v", err)
			return err
		case got == nil:
			return nil
		case got.close != nil:
			in.put(got.close)
		case got.event != nil:
			in.put(*got.event)
		}
	}
}

// end of a connection without a rule broken.
var (
	errEnded = errors.New("TCP ended by the other side")
	errReset = errors.New("TCP reset by the other side")
)

// ended says what a failed read means.
func (in *inbox) ended(err error) error {
	switch {
	case errors.Is(err, net.ErrClosed), errors.Is(err, os.ErrDeadlineExceeded):
		return net.ErrClosed // by this program
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF): // of TLS, or of TCP below it
		in.log.note("%v", errEnded)
		if fault := in.reader.unfinished(); fault != nil {
			return fmt.Errorf("%w, within %w", errEnded, fault)
		}
		return errEnded
	case errors.Is(err, syscall.ECONNRESET):
		in.log.note("%v", errReset)
		return errReset
	}
	in.log.note("reading failed: %v", err)
	return err
}

func (in *inbox) put(v any) {
	in.mu.Lock()
	in.queue = append(in.queue, v)
	in.mu.Unlock()
	select {
	case in.signal <- struct{}{}:
	default:
	}
}

// drain returns what has come since the last call.
func (in *inbox) drain() []any {
	in.mu.Lock()
	defer in.mu.Unlock()
	all := in.queue
	in.queue = nil
	return all
}
