package sendq

import (
	"bytes"
	"fmt"
	"hash/maphash"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/framerail/framerail/frame"
	"github.com/framerail/framerail/internal/buffer"
	"github.com/framerail/framerail/mask"
)

// Any sequence of operations leaves a queue with the bytes that a plain list of frames
// holds, with all memory counted, and with shared frames as they were.
func TestQueueIsAListOfFrames(t *testing.T) {
	for seed := range uint64(150) {
		rnd := rand.New(rand.NewPCG(seed, 3))
		program := make([]byte, 4*200)
		for i := range program {
			program[i] = byte(rnd.Uint32())
		}
		runProgram(t, program)
	}
}

func FuzzQueue(f *testing.F) {
	f.Add([]byte("\x00\x00\x10\x00\x01\x20\x00\x02\x09\x00\x00\x07\x00\x00"))
	f.Add([]byte("\x01\x00\x10\x03\x00\x40\x03\x08\x00\x03\x05\x03\x01\x0a\x00\x00"))
	f.Fuzz(func(t *testing.T, program []byte) {
		if len(program) <= 600 {
			runProgram(t, program)
		}
	})
}

// piece is a frame of the model.
type piece struct {
	bytes   []byte
	key     string
	op      frame.Opcode
	message bool // it may be dropped
	begun   bool // a byte has left, or it counts as if one had
	dropped bool
}

// model is two queues, one of which is to be joined to the other, and what they should hold.
type model struct {
	t              *testing.T
	pool           buffer.Pool
	store          Store
	first          buffer.Buffer
	main, behind   Queue
	mains, behinds []*piece
	shared         []*Frame
	sums           []uint64
	latest         bool // keys are used, or else the oldest are dropped
	next           byte
}

var seed = maphash.MakeSeed()

func runProgram(t *testing.T, program []byte) {
	m := &model{t: t}
	m.store.Pool = &m.pool
	m.first = buffer.Of(make([]byte, 0, 100))
	m.main.UseFirst(&m.first)
	for _, n := range []int{0, 20, 200, 5000} {
		f := NewFrame(frame.Header{Fin: true, Opcode: frame.Binary}, bytes.Repeat([]byte{0xAA}, n))
		m.shared = append(m.shared, f)
	}
	m.shared = append(m.shared, m.shared[2].Masked(mask.KeyFromBytes([4]byte{1, 2, 3, 4})))
	for _, f := range m.shared {
		m.sums = append(m.sums, maphash.Bytes(seed, f.iov[0]))
	}
	if len(program) > 0 {
		m.latest, program = program[0]&1 != 0, program[1:]
	}
	for len(program) >= 3 {
		m.step(program[0], program[1], program[2])
		m.check()
		program = program[3:]
	}
	m.finish()
}

func (m *model) step(op, a, b byte) {
	q, list := &m.main, &m.mains
	if op&0x10 != 0 || op&0x0F < 6 && len(m.behinds) > 0 { // messages stay in order
		q, list = &m.behind, &m.behinds
	}
	switch op & 0x0F {
	case 0, 1:
		m.appendOwn(q, list, frame.Header{Fin: true, Opcode: frame.Text}, int(a), b)
	case 2:
		m.appendOwn(q, list, frame.Header{Fin: true, Opcode: frame.Text}, int(a)*400, b)
	case 3, 4, 5:
		m.appendShared(q, list, int(a)%len(m.shared), b)
	case 6:
		m.appendOwn(q, list, frame.Header{Opcode: frame.Continuation}, int(a), 0)
	case 7:
		if q == &m.main {
			m.appendOwn(q, list, frame.Header{Fin: true, Opcode: []frame.Opcode{frame.Ping, frame.Close}[a&1]}, int(b)%126, 0)
			q.NoteControl(len((*list)[len(*list)-1].bytes))
		}
	case 8, 9, 10:
		m.consume(int(a)<<8 | int(b))
	case 11, 12:
		m.drop(int(a)*int(b), b)
	case 13:
		m.main.Join(&m.store, &m.behind)
		m.mains, m.behinds = append(m.mains, m.behinds...), nil
	case 14:
		switch a % 5 {
		case 0:
			m.main.KeepAll()
			m.behind.KeepAll()
			for _, p := range slices.Concat(m.mains, m.behinds) {
				p.message = false
			}
		case 1:
			m.appendRaw(int(b))
		case 2:
			m.dropAllBut(frame.Close)
		case 3:
			if q.Len() <= ChunkSize {
				q.Fit(&m.store)
			}
		default:
			q.Compact()
		}
	default:
		if a%8 == 0 {
			q.Clear()
			*list = nil
		}
	}
}

// key is one of a few keys, or none.
func (m *model) key(b byte) string {
	if !m.latest || b%8 == 0 {
		return ""
	}
	return fmt.Sprint("key ", b%8)
}

func (m *model) appendOwn(q *Queue, list *[]*piece, h frame.Header, n int, b byte) {
	m.next++
	payload := bytes.Repeat([]byte{m.next}, n)
	h.PayloadLen = int64(n)
	if b&0x80 != 0 {
		h.Masked, h.MaskingKey = true, mask.KeyFromBytes([4]byte{b, 2, 3, 4})
	}
	want := append(frame.AppendHeader(nil, h), payload...)
	if h.Masked {
		mask.XOR(want[len(want)-n:], h.MaskingKey)
	}
	p := &piece{bytes: want, op: h.Opcode, message: h.Fin && h.Opcode == frame.Text}
	if p.message {
		p.key = m.key(b & 0x7F)
	}
	if p.key != "" {
		q.NoteKey(&m.store, p.key, len(want))
	}
	q.AppendFrame(&m.store, h, payload)
	*list = append(*list, p)
}

func (m *model) appendShared(q *Queue, list *[]*piece, i int, b byte) {
	f := m.shared[i]
	p := &piece{bytes: bytes.Clone(f.iov[0]), key: m.key(b), op: f.Header().Opcode, message: true}
	if p.key != "" {
		q.NoteKey(&m.store, p.key, f.Len())
	}
	q.AppendShared(&m.store, f)
	*list = append(*list, p)
}

// appendRaw appends what is no frame.
func (m *model) appendRaw(n int) {
	raw := bytes.Repeat([]byte("HTTP"), n)
	m.main.Append(&m.store, raw)
	m.main.Freeze()
	m.mains = append(m.mains, &piece{bytes: raw})
	for _, p := range m.mains {
		p.begun = true
	}
}

// consume takes up to n bytes, as a transport would.
func (m *model) consume(n int) {
	total := 0
	for _, b := range m.main.Vector(nil) {
		total += len(b)
	}
	n = min(n, total)
	m.main.Consume(n)
	for n > 0 {
		p := m.mains[0]
		if n >= len(p.bytes) || p.dropped {
			if !p.dropped {
				n -= len(p.bytes)
			}
			m.mains = m.mains[1:]
			continue
		}
		p.bytes, p.begun = p.bytes[n:], true
		n = 0
	}
}

func (p *piece) droppable() bool { return p.message && !p.begun && !p.dropped }

// drop does what the policy says.
func (m *model) drop(need int, b byte) {
	if m.latest {
		m.supersede(fmt.Sprint("key ", b%8))
		return
	}
	gotMessages, gotBytes := m.main.DropOldest(&m.store, need, nil)
	messages, size := 0, 0
	for _, p := range m.mains {
		if size < need && p.droppable() {
			p.dropped = true
			messages++
			size += len(p.bytes)
		}
	}
	if messages != gotMessages || size != gotBytes {
		m.t.Fatalf("dropped %d messages of %d bytes, want %d of %d", gotMessages, gotBytes, messages, size)
	}
}

func (m *model) supersede(key string) {
	gotMessages, gotBytes := m.main.Supersede(key, &m.behind)
	messages, size := 0, 0
	seen := map[string]bool{key: true}
	for _, p := range slices.Backward(slices.Concat(m.mains, m.behinds)) {
		if p.key == "" || !p.droppable() {
			continue
		}
		if seen[p.key] {
			p.dropped = true
			messages++
			size += len(p.bytes)
		}
		seen[p.key] = true
	}
	if messages != gotMessages || size != gotBytes {
		m.t.Fatalf("replaced %d messages of %d bytes, want %d of %d", gotMessages, gotBytes, messages, size)
	}
}

func (m *model) dropAllBut(op frame.Opcode) {
	m.main.DropAllBut(&m.store, op)
	for _, p := range m.mains {
		if !p.begun && p.op != op {
			p.dropped = true
		}
		p.key = ""
	}
}

// check compares the queues with the lists.
func (m *model) check() {
	m.t.Helper()
	keys, memory := 0, 0
	for i, q := range []*Queue{&m.main, &m.behind} {
		want := 0
		for _, p := range [][]*piece{m.mains, m.behinds}[i] {
			if p.dropped {
				continue
			}
			want += len(p.bytes)
			if p.key != "" && p.droppable() {
				keys++
			}
		}
		if q.Len() != want {
			m.t.Fatalf("%d bytes wait, want %d", q.Len(), want)
		}
		if err := q.Check(); err != nil {
			m.t.Fatal(err)
		}
		for _, c := range q.chunks {
			if c.shared == nil && c.buf != q.own {
				memory += cap(c.buf.B)
			}
		}
		if q.more != nil {
			memory += q.more.memory()
		}
	}
	for _, f := range m.shared {
		if uint32(f.refs.Load()) > 0 {
			memory += cap(f.iov[0]) // once, however many queues hold it
		}
	}
	if got := m.main.Keys() + m.behind.Keys(); got != keys {
		m.t.Fatalf("%d keys wait, want %d", got, keys)
	}
	if _, got := m.pool.Lent(); got != int64(memory) {
		m.t.Fatalf("%d bytes are counted, %d are held", got, memory)
	}
}

// finish lets all leave, and compares what left.
func (m *model) finish() {
	m.main.Join(&m.store, &m.behind)
	var want, got []byte
	for _, p := range slices.Concat(m.mains, m.behinds) {
		if !p.dropped {
			want = append(want, p.bytes...)
		}
	}
	for !m.main.Empty() {
		before := len(got)
		for _, b := range m.main.Vector(nil) {
			got = append(got, b...)
		}
		m.main.Consume(len(got) - before)
	}
	if !bytes.Equal(got, want) {
		m.t.Fatalf("%d bytes left, want %d\n%.60x\n%.60x", len(got), len(want), got, want)
	}
	if n := m.main.Control(); n != 0 {
		m.t.Errorf("%d bytes of control frames wait", n)
	}
	for i, f := range m.shared {
		if n := f.refs.Load(); n != owner || maphash.Bytes(seed, f.iov[0]) != m.sums[i] {
			m.t.Errorf("a shared frame has %d holders and the bytes %.40x", n, f.iov[0])
		}
		f.Release()
	}
	if n, size := m.pool.Lent(); n != 0 || size != 0 {
		m.t.Errorf("%d buffers, %d bytes lent at last", n, size)
	}
}
