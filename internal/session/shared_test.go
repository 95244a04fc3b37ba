package session

import (
	"fmt"
	"strings"
	"testing"

	"github.com/framerail/framerail/frame"
	"github.com/framerail/framerail/internal/session/sendq"
)

// sendShared sends a frame that other connections may hold too, as SendKeyed sends a copy.
func (r *rig) sendShared(f *sendq.Frame, key string) error {
	c := r.c
	c.mu.Lock()
	defer c.unlockAndWake()
	return c.sendShared(f, f.Payload(), key)
}

// Whether messages are copied or shared, a policy does the same with them.
func TestSharedFramesFollowThePolicy(t *testing.T) {
	for _, policy := range policies {
		for _, taken := range []int{0, 5, 25} {
			t.Run(fmt.Sprintf("%v/taken=%d", policy, taken), func(t *testing.T) {
				want := sendMany(t, policy, taken, func(int) bool { return false })
				for name, shared := range map[string]func(i int) bool{
					"all": func(int) bool { return true }, "every other": func(i int) bool { return i%2 == 0 },
				} {
					if got := sendMany(t, policy, taken, shared); got != want {
						t.Errorf("%s shared:\n%s\nnone shared:\n%s", name, got, want)
					}
				}
			})
		}
	}
}

// sendMany sends messages, some of them shared, to a peer that takes few bytes at first and
// then all. It returns what became of them.
func sendMany(t *testing.T, policy Overflow, taken int, shared func(i int) bool) string {
	r := openRig(t, Config{MaxPending: 1000, Overflow: policy})
	r.drain(taken)
	var log strings.Builder
	var writer *Writer
	for i := range 60 {
		switch i {
		case 20:
			writer, _ = r.c.NewWriter(Text)
			_, _ = writer.WriteString(numbered(99))
		case 30:
			_ = r.c.Ping(nil)
		case 40:
			_ = writer.Close()
		}
		key, payload := fmt.Sprint("key ", i%7), []byte(numbered(i))
		var err error
		if shared(i) {
			f := sendq.NewFrame(frame.Header{Fin: true, Opcode: frame.Text}, payload)
			err = r.sendShared(f, key)
			f.Release()
		} else {
			err = r.c.SendKeyed(key, Text, payload)
		}
		if i%3 == 0 {
			r.turn()
		}
		messages, bytes := r.c.Dropped()
		fmt.Fprintln(&log, i, err, r.c.Pending(), messages, bytes, r.c.State())
	}
	r.drain(-1)
	fmt.Fprintln(&log, r.numbers())
	r.d.Abort(nil)
	if n, size := r.loop.Lent(); n != 0 || size != 0 {
		t.Errorf("%d buffers, and %d bytes with shared frames, are held at last", n, size)
	}
	return log.String()
}

// A connection that is shed gives shared frames back, too.
func TestShedReleasesSharedFrames(t *testing.T) {
	r := openRig(t, Config{})
	r.drain(10)
	lent := func() int64 { _, n := r.loop.Lent(); return n }
	before := lent()
	for i := range 50 {
		f := sendq.NewFrame(frame.Header{Fin: true, Opcode: frame.Text}, []byte(numbered(i+1)))
		expect(t, "send", r.sendShared(f, ""), nil)
		f.Release()
		r.turn()
	}
	if n := lent() - before; n < 50*64 {
		t.Errorf("50 shared frames wait, and %d bytes are counted", n)
	}
	r.d.Shed()
	if n := lent() - before; n >= 50*64 {
		t.Errorf("%d bytes are held when 50 frames were dropped", n)
	}
	r.drain(-1)
	r.expectClosing("1 close")
}
