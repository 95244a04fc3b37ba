package session

import (
	"fmt"
	"io"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/framerail/framerail/frame"
	"github.com/framerail/framerail/internal/transport"
)

// life is one connection of a simulation: its transport, its peer, and what must be
// true of it.
type life struct {
	sim *simulation
	c   *Conn
	d   *Driver

	incoming
	habit     int
	streaming bool

	// The transport and the host.
	room        int
	outErr      error
	out         []byte
	read, write bool
	timer       time.Duration
	closed      bool // the host was told
	shut        bool // the transport is closed

	mu sync.Mutex // guards seen, and room, out and shut
	seen

	sending sync.Mutex // guards sends; it is locked before mu
	sends
}

// incoming is what the peer sends, and how much of it has arrived.
type incoming struct {
	wire     []byte
	messages []string // in it
	in       []byte
	inErr    error // behind in
}

// seen is what the callbacks of a life saw.
type seen struct {
	opened int
	ended  int
	infos  []CloseInfo
	got    []string // messages, or the beginnings of those not read to their end
	cut    bool     // the last one broke off
}

// sends is what a life sent.
type sends struct {
	writer *Writer
	begun  strings.Builder // what the writer has taken
	sent   []string        // what must arrive, in order
	behind []string        // what must after the writer's message
}

func newLife(s *simulation, id int) *life {
	l := &life{sim: s, habit: s.rnd.IntN(50), streaming: s.rnd.IntN(3) == 0, read: true}
	l.d = new(Driver)
	l.c = &l.d.Conn
	l.d.Init(s.loop, s.policy, id, l, peerAddr)
	l.c.handle(func(h *Handlers) { h.Open = l.callbacks })
	l.script()
	return l
}

func (l *life) note(f func(*life)) {
	l.mu.Lock()
	defer l.mu.Unlock()
	f(l)
}

// release takes the next bytes of the script.
func (l *life) release(n int) []byte {
	n = min(n, len(l.wire))
	b := l.wire[:n]
	l.wire = l.wire[n:]
	return slices.Clone(b)
}

// arrive lets bytes of the script arrive and, behind the last, now and then an end.
func (l *life) arrive(n int) {
	l.in = append(l.in, l.release(n)...)
	if len(l.wire) > 0 || l.inErr != nil {
		return
	}
	switch l.sim.rnd.IntN(20) {
	case 0:
		l.inErr = io.EOF
	case 1:
		l.inErr = syscall.ECONNRESET
		l.note(func(l *life) { l.outErr = syscall.EPIPE })
	}
}

// ready reports readiness as a level-triggered poller does.
func (l *life) ready() {
	writable := false
	l.note(func(l *life) { writable = l.room > 0 || l.outErr != nil })
	if l.write && writable {
		l.sim.drive(l, (*Driver).Writable)
	}
	if l.read && (len(l.in) > 0 || l.inErr != nil) {
		l.sim.drive(l, (*Driver).Readable)
	}
}

func (l *life) Read(b []byte) (int, error) {
	if l.shut {
		panic("read after close")
	}
	if len(l.in) == 0 {
		if l.inErr != nil {
			return 0, l.inErr
		}
		return 0, transport.ErrWouldBlock
	}
	n := copy(b[:1+l.sim.rnd.IntN(len(b))], l.in)
	l.in = l.in[n:]
	return n, nil
}

// Write may be called from any goroutine, under the connection's lock.
func (l *life) Write(bufs [][]byte) (n int, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.shut {
		panic("write after close")
	}
	if l.outErr != nil {
		return 0, l.outErr
	}
	for _, b := range bufs {
		b = b[:min(len(b), l.room)]
		l.out = append(l.out, b...)
		l.room -= len(b)
		n += len(b)
	}
	if n == 0 {
		return 0, transport.ErrWouldBlock
	}
	return n, nil
}

func (l *life) CloseWrite() error         { l.mu.Lock(); defer l.mu.Unlock(); return l.outErr }
func (l *life) Close() error              { l.mu.Lock(); l.shut = true; l.mu.Unlock(); return nil }
func (l *life) LocalAddr() netip.AddrPort { return peerAddr }

// received notes a message, or the beginning of one.
func (l *life) received(m string, whole bool) {
	l.note(func(l *life) {
		i := len(l.got)
		l.got = append(l.got, m)
		switch {
		case l.ended > 0 || len(l.infos) > 0:
			l.sim.t.Error("message after the close callback")
		case l.cut && !l.streaming:
			l.sim.t.Error("message after one that was cut")
		case i >= len(l.messages) && (whole || !strings.HasPrefix("unfinished", m)):
			l.sim.t.Errorf("message %d, %.20q, was never sent", i, m)
		case i < len(l.messages) && (whole && m != l.messages[i] || !strings.HasPrefix(l.messages[i], m)):
			l.sim.t.Errorf("message %d is %.20q of %d bytes, want %.20q of %d", i, m, len(m), l.messages[i], len(l.messages[i]))
		}
		l.cut = !whole
	})
}

// send sends a message and notes what must arrive. The order of two sends is that
// of the notes: they exclude each other.
func (l *life) send(c *Conn, m []byte) {
	l.sending.Lock()
	defer l.sending.Unlock()
	if c.SendKeyed(fmt.Sprint("key ", len(m)%7), Binary, m) != nil {
		return
	}
	if l.writer != nil {
		l.behind = append(l.behind, string(m))
	} else {
		l.sent = append(l.sent, string(m))
	}
}

func (l *life) startWriter() {
	l.sending.Lock()
	defer l.sending.Unlock()
	if l.writer == nil {
		l.writer, _ = l.c.NewWriter(Binary)
		l.begun.Reset()
	}
}

func (l *life) continueWriter(p []byte) {
	l.sending.Lock()
	defer l.sending.Unlock()
	if l.writer != nil {
		n, _ := l.writer.Write(p)
		l.begun.Write(p[:n])
	}
}

func (l *life) finishWriter() {
	l.sending.Lock()
	defer l.sending.Unlock()
	if l.writer != nil && l.writer.Close() == nil {
		l.sent = append(append(l.sent, l.begun.String()), l.behind...)
		l.writer, l.behind = nil, nil
	}
}

// check is what is true of a life at any time.
func (l *life) check() {
	most := l.sim.policy.config.MaxPending + controlReserve + 2 + frame.MaxControlPayload
	if n := l.c.Pending(); n > most {
		l.sim.t.Fatalf("%d bytes pending, most %d", n, most)
	}
}

// checkRest gives a life all the readiness it asks for. If nobody is at work on it
// then, nothing may be left that nobody waits for.
func (l *life) checkRest() {
	if l.c.queued() {
		return
	}
	for range 10_000 {
		before := len(l.in)
		l.ready()
		if len(l.in) == before {
			break
		}
	}
	l.sim.attend()
	l.c.mu.Lock()
	defer l.c.mu.Unlock()
	if l.closed || l.c.in != nil || l.c.attend&attendAsked != 0 || l.inErr != nil {
		return
	}
	held, q := l.c.flags.Load()&holdAny, l.c.tx
	if held&^holdPending != 0 {
		l.sim.t.Errorf("held (%b) by nobody", held)
	}
	if q != nil && q.main.Len() > 0 && !(q.blocked && l.write) {
		l.sim.t.Errorf("%d bytes pending that nobody will write", q.main.Len())
	}
	if q == nil && held != 0 {
		l.sim.t.Error("held for bytes that are not pending")
	}
	if held == 0 && len(l.in) > 0 && !l.read && l.d.input != inputDone {
		l.sim.t.Errorf("%d bytes that nobody will read", len(l.in))
	}
	if held == 0 && l.d.rx != nil && l.d.rx.stash != nil {
		l.sim.t.Error("bytes kept that nobody will take in")
	}
}

// checkEnd is what is true of a life that is over.
func (l *life) checkEnd() {
	t := l.sim.t
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.opened != 1 || l.ended != 1 || len(l.infos) != 1 || !l.closed || !l.shut || l.c.State() != Closed {
		t.Fatalf("opened %d, ended %d, close callbacks %d, closed %v %v", l.opened, l.ended, len(l.infos), l.closed, l.shut)
	}
	info := l.infos[0]
	if info.By == Peer && info.Clean() && len(l.got) != len(l.messages) && !l.dropped() {
		t.Errorf("%d of %d messages came before a clean end: %v", len(l.got), len(l.messages), info)
	}

	frames := l.frames()
	var got []string
	var m strings.Builder
	for i, f := range frames {
		if f.op == frame.Close && i != len(frames)-1 {
			t.Errorf("frames after the Close frame: %v", len(frames)-1-i)
		}
		if f.op.IsControl() {
			continue
		}
		m.WriteString(f.payload)
		if f.fin {
			got = append(got, m.String())
			m.Reset()
		}
	}
	dropped := int(info.Dropped)
	if dropped == 0 && (len(got) > len(l.sent) || !slices.Equal(got, l.sent[:len(got)])) {
		t.Errorf("the peer got %d messages, not the first of the %d sent", len(got), len(l.sent))
	}
	rest := got
	for _, m := range l.sent {
		if len(rest) > 0 && rest[0] == m {
			rest = rest[1:]
		}
	}
	if len(rest) > 0 || len(got)+dropped > len(l.sent)+len(l.behind) {
		t.Errorf("the peer got %d of %d messages, %d of them out of order; %d were dropped", len(got), len(l.sent), len(rest), dropped)
	}
	if info.Unsent == 0 && info.Clean() && len(got)+dropped != len(l.sent) {
		t.Errorf("the peer got %d of %d messages and %d were dropped, though nothing was left unsent", len(got), len(l.sent), dropped)
	}
}

// dropped tells whether messages may have been dropped: the program closed while
// they waited.
func (l *life) dropped() bool { return l.infos[0].Sent != l.infos[0].Received }

// frames splits what was sent, but for a frame that the end cut.
func (l *life) frames() (frames []sentFrame) {
	b := l.out[min(len(l.out), len("response")):]
	for len(b) > 0 {
		h, n, err := frame.DecodeHeader(b)
		if err != nil {
			l.sim.t.Fatalf("sent bytes that are no frames: %v", err)
		}
		if n == 0 || int64(len(b)-n) < h.PayloadLen {
			break
		}
		end := n + int(h.PayloadLen)
		frames = append(frames, sentFrame{h.Opcode, h.Fin, string(b[n:end])})
		b = b[end:]
	}
	return frames
}
