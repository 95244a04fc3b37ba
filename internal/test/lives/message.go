package lives

import (
	"encoding/binary"
	"hash/crc32"
)

// A message says whose it is, which one, and what the rest of it sums up to.
const headSize = 12

// filling has, from each byte on, that byte and the next 255.
var filling = func() (f [511]byte) {
	for i := range f {
		f[i] = byte(i)
	}
	return f
}()

// message makes message number seq for a connection, of about that size. It is valid
// until the next call.
func (w *world) message(id, seq, size int) []byte {
	size = max(size, headSize)
	if cap(w.buf) < size {
		w.buf = make([]byte, size)
	}
	m := w.buf[:size]
	binary.BigEndian.PutUint32(m, uint32(id))
	binary.BigEndian.PutUint32(m[4:], uint32(seq))
	for at, fill := headSize, byte(id*7+seq); at < size; {
		at += copy(m[at:], filling[fill:][:256])
	}
	binary.BigEndian.PutUint32(m[8:], crc32.ChecksumIEEE(m[headSize:]))
	return m
}

// checkMessage tells whether m is message number seq for a connection, whole, or as
// much of it as has come.
func (w *world) checkMessage(what string, m []byte, id, seq int, whole bool) {
	if len(m) < headSize {
		if whole {
			w.breach("%s: %d bytes", what, len(m))
		}
		return
	}
	gotID, gotSeq := binary.BigEndian.Uint32(m), binary.BigEndian.Uint32(m[4:])
	switch {
	case int(gotID) != id:
		w.breach("%s: connection %d has message %d of connection %d", what, id, gotSeq, gotID)
	case int(gotSeq) != seq:
		w.breach("%s: connection %d has message %d, want %d", what, id, gotSeq, seq)
	case whole && crc32.ChecksumIEEE(m[headSize:]) != binary.BigEndian.Uint32(m[8:]):
		w.breach("%s: connection %d has message %d, but altered", what, id, gotSeq)
	}
}

// size is that of a message: most are short.
func (w *world) size() int {
	switch w.rnd.IntN(20) {
	case 0:
		return w.rnd.IntN(32 << 10)
	case 1, 2, 3:
		return w.rnd.IntN(2 << 10)
	case 4, 5, 6, 7, 8:
		return 128 + w.rnd.IntN(300) // compressing looks for what was said before
	}
	return w.rnd.IntN(100)
}
