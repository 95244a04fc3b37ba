package loop

import "github.com/framerail/framerail/internal/memory"

// Holders lists the open connections that hold most, as memory.Loop has it. A connection's ID is its
// token.
func (s *slots) Holders() (hs []memory.Holder) {
	s.Each(func(t *Tenant) {
		if !t.IsOpen() {
			return
		}
		if n, shed := t.Holding(); n > 0 {
			hs = append(hs, memory.Holder{ID: t.Token(), Bytes: n, Shed: shed})
		}
	})
	memory.SortHolders(hs)
	return hs[:min(len(hs), memory.AtOnce)]
}

// Shed closes an open connection because of the memory that it holds. It returns false if that had begun
// already, or the connection is gone.
func (l *Loop) Shed(id uint64) (first bool) {
	t := l.Find(id)
	if t == nil {
		return false
	}
	l.With(t, func() { first = t.Shed() })
	return first
}
