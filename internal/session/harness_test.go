package session

import (
	"bytes"
	"io"
	"log/slog"
	"net/netip"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/framerail/framerail/frame"
	"github.com/framerail/framerail/internal/guard"
	"github.com/framerail/framerail/internal/transport"
)

// rig is a loop with one connection over a transport of byte slices. The test's
// own goroutine is the loop: it feeds input, turns, and looks at the output.
type rig struct {
	t      testing.TB
	loop   *Loop
	policy *Policy
	c      *Conn
	d      *Driver
	wire   *wire

	mu        sync.Mutex
	others    []*Driver // beside d
	scheduled chan *Driver
	// onSchedule runs before the loop is asked to come back to the connection.
	onSchedule func()
	// onOpened runs while the Open callback is being left behind.
	onOpened func()
	read     bool
	write    bool
	due      time.Duration // when the timer fires, by loop.Now; 0: it is not set
	limited  int
	opened   int
	closed   int
	ended    int
	infos    []CloseInfo // what the close callback was told
}

// wire is a transport whose peer is the test.
type wire struct {
	mu    sync.Mutex
	in    []byte
	inErr error // after in: io.EOF or an errno
	// inErrAtOnce has it come along with the last bytes of in, as over TLS.
	inErrAtOnce bool
	out         bytes.Buffer
	room        int // bytes it takes before it would block; negative: no limit
	outErr      error
	writes      int
	chunk       int // most bytes a Read gives; 0: no limit
	halfDone    bool
	halfErr     error
	closed      bool
}

func (w *wire) Read(b []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.in) == 0 {
		if w.inErr != nil {
			return 0, w.inErr
		}
		return 0, transport.ErrWouldBlock
	}
	if w.chunk > 0 && len(b) > w.chunk {
		b = b[:w.chunk]
	}
	n := copy(b, w.in)
	w.in = w.in[n:]
	if w.inErrAtOnce && len(w.in) == 0 {
		return n, w.inErr
	}
	return n, nil
}

func (w *wire) Write(bufs [][]byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.closed {
		panic("write after close")
	}
	if w.outErr != nil {
		return 0, w.outErr
	}
	w.writes++
	n := 0
	for _, b := range bufs {
		if w.room >= 0 && len(b) > w.room {
			b = b[:w.room]
		}
		w.out.Write(b)
		n += len(b)
		if w.room >= 0 {
			w.room -= len(b)
		}
	}
	if n == 0 {
		return 0, transport.ErrWouldBlock
	}
	return n, nil
}

// output is what was written and not taken yet.
func (w *wire) output() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.out.String()
}

// take takes what was written.
func (w *wire) take() []byte {
	w.mu.Lock()
	defer w.mu.Unlock()
	b := bytes.Clone(w.out.Bytes())
	w.out.Reset()
	return b
}

// unread is how many bytes the connection has not read yet.
func (w *wire) unread() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(w.in)
}

func (w *wire) CloseWrite() error         { w.halfDone = true; return w.halfErr }
func (w *wire) Close() error              { w.closed = true; return nil }
func (w *wire) LocalAddr() netip.AddrPort { return netip.MustParseAddrPort("127.0.0.1:80") }

func (r *rig) Schedule(c *Conn) {
	if r.onSchedule != nil {
		r.onSchedule()
	}
	for _, d := range append(r.others, r.d) {
		if &d.Conn == c {
			r.scheduled <- d
		}
	}
}
func (r *rig) SetInterest(_ *Driver, read, write bool) { r.read, r.write = read, write }
func (r *rig) SetTimer(_ *Conn, after time.Duration)   { r.due = r.loop.Now + after }
func (r *rig) Limited(*Driver)                         { r.limited++ }
func (r *rig) Opened(*Conn) {
	r.mu.Lock()
	r.opened++
	r.mu.Unlock()
	if r.onOpened != nil {
		r.onOpened()
	}
}
func (r *rig) Closed(*Driver) { r.closed++ }
func (r *rig) Ended(*Conn)    { r.mu.Lock(); r.ended++; r.mu.Unlock() }

// allocates tells that this build allocates where others do not.
const allocates = raceEnabled || guard.Checking

var quiet = slog.New(slog.NewTextHandler(io.Discard, nil))

var peerAddr = netip.MustParseAddrPort("192.0.2.1:1234")

// newRig is a rig whose connection is not open yet.
func newRig(t testing.TB, cfg Config) *rig {
	if cfg.Logger == nil {
		cfg.Logger = quiet
	}
	// The rig's clock stands still unless a test moves it, and any rate is infinite.
	orDefault(&cfg.MessagesPerSecond, -1)
	orDefault(&cfg.ControlFramesPerSecond, -1)
	orDefault(&cfg.CompressionPerSecond, -1)
	cfg = cfg.WithDefaults()
	r := &rig{t: t, wire: &wire{room: -1}, scheduled: make(chan *Driver, 1000), read: true, d: new(Driver)}
	onClose := cfg.Handlers.Close
	cfg.Handlers.Close = func(c *Conn, info CloseInfo) {
		r.mu.Lock()
		r.infos = append(r.infos, info)
		r.mu.Unlock()
		if onClose != nil {
			onClose(c, info)
		}
	}
	r.loop, r.policy = NewLoop(r), NewPolicy(&cfg)
	t.Cleanup(r.loop.End)
	r.loop.Take()
	r.c = &r.d.Conn
	r.d.Init(r.loop, r.policy, 7, r.wire, peerAddr)
	t.Cleanup(r.checkLeaks)
	return r
}

// openRig is a rig with an open connection whose response was taken off the wire.
func openRig(t testing.TB, cfg Config) *rig {
	r := newRig(t, cfg)
	r.d.Open(Opening{Response: []byte("HTTP/1.1 101\r\n\r\n")})
	r.eventually("the Open callback's end", func() bool { return !r.c.held() && r.read })
	r.wire.out.Reset()
	r.wire.writes = 0
	return r
}

// info waits for the close callback and is what it was told.
func (r *rig) info() CloseInfo {
	r.t.Helper()
	r.eventually("the close callback's end", r.hasEnded)
	return r.closings()[0]
}

func (r *rig) hasEnded() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.ended > 0
}

func (r *rig) closings() []CloseInfo {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.infos
}

// checkLeaks ends the connection and checks that all that was lent came back and
// that the close callback ran.
func (r *rig) checkLeaks() {
	r.loop.Take() // a subtest may have been the loop
	if r.closed == 0 {
		r.d.Abort(nil)
	}
	r.eventually("the close callback's end", r.hasEnded)
	r.eventually("buffers given back", func() bool { n, _ := r.loop.Lent(); return n == 0 })
	if r.closed != 1 || r.ended != 1 || len(r.infos) > 1 {
		r.t.Errorf("closed %d times, %d close callbacks, %d ended", r.closed, len(r.infos), r.ended)
	}
}

// turn attends to the connection until nobody asks any more.
func (r *rig) turn() {
	for {
		select {
		case d := <-r.scheduled:
			d.Attend()
		default:
			return
		}
	}
}

// eventually turns the loop until cond holds.
func (r *rig) eventually(what string, cond func() bool) {
	r.t.Helper()
	deadline := time.Now().Add(30 * time.Second)
	for !cond() {
		if time.Now().After(deadline) {
			r.t.Fatalf("waited in vain for %s", what)
		}
		select {
		case d := <-r.scheduled:
			d.Attend()
		case <-time.After(time.Millisecond):
		}
		r.poll()
	}
}

// advance lets time pass and fires what timers fall due.
func (r *rig) advance(d time.Duration) {
	end := r.loop.Now + d
	for r.due > 0 && r.due <= end && r.closed == 0 {
		r.loop.Now = max(r.due, r.loop.Now)
		r.due = 0
		r.d.Expire()
	}
	r.loop.Now = end
}

// drain lets the transport take n more bytes, or all there are if that is negative,
// and says so if the connection wants to know.
func (r *rig) drain(n int) {
	r.wire.mu.Lock()
	r.wire.room = n
	r.wire.mu.Unlock()
	r.turn()
	if r.write && n != 0 && r.closed == 0 {
		r.d.Writable()
	}
	r.turn()
}

// end is the end of the peer's stream: io.EOF or an error.
func (r *rig) end(err error) {
	r.wire.mu.Lock()
	r.wire.inErr = err
	r.wire.mu.Unlock()
	r.poll()
}

// poll reports readiness once, as a level-triggered poller would.
func (r *rig) poll() {
	r.wire.mu.Lock()
	ready := len(r.wire.in) > 0 || r.wire.inErr != nil
	r.wire.mu.Unlock()
	if r.read && ready && r.closed == 0 {
		r.d.Readable()
	}
}

// receive gives the connection bytes as a loop would.
func (r *rig) receive(b []byte) {
	r.wire.mu.Lock()
	r.wire.in = append(r.wire.in, b...)
	r.wire.mu.Unlock()
	r.poll()
}

// peer is a frame as a client sends it.
func peer(op frame.Opcode, fin bool, payload string) []byte {
	return frame.AppendFrame(nil, frame.Header{Fin: fin, Opcode: op, Masked: true, MaskingKey: 0x12345678}, []byte(payload))
}

func text(s string) []byte { return peer(frame.Text, true, s) }

func peerClose(code frame.CloseCode, reason string) []byte {
	p, err := frame.AppendClose(nil, code, reason)
	if err != nil {
		panic(err)
	}
	return peer(frame.Close, true, string(p))
}

// sent takes what the connection has sent and splits it into frames.
func (r *rig) sent() (frames []sentFrame) {
	r.t.Helper()
	r.wire.mu.Lock()
	defer r.wire.mu.Unlock()
	b := r.wire.out.Bytes()
	for len(b) > 0 {
		h, n, err := frame.DecodeHeader(b)
		if err != nil || n == 0 || int64(len(b)-n) < h.PayloadLen {
			r.t.Fatalf("sent bytes that are no frames: %.40x (%v)", b, err)
		}
		end := n + int(h.PayloadLen)
		frames = append(frames, sentFrame{h.Opcode, h.Fin, string(b[n:end])})
		b = b[end:]
	}
	r.wire.out.Reset()
	return frames
}

type sentFrame struct {
	op      frame.Opcode
	fin     bool
	payload string
}

// closing is the payload of a sent Close frame.
func (f sentFrame) closing() (frame.CloseCode, string) {
	code, reason, err := frame.ParseClose([]byte(f.payload))
	if err != nil {
		panic(err)
	}
	return code, string(reason)
}

func expect[T comparable](t testing.TB, what string, got, want T) {
	t.Helper()
	if got != want {
		t.Errorf("%s: got %v, want %v", what, got, want)
	}
}

// inBubble is a test whose time is simulated: waiting takes none.
func inBubble(f func(t *testing.T)) func(t *testing.T) {
	return func(t *testing.T) { synctest.Test(t, f) }
}
