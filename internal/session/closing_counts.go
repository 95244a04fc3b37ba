package session

import (
	"iter"

	"github.com/framerail/framerail/frame"
)

// CloseCounts counts closed connections by side and close code. It is of fixed
// size, whatever codes peers make up.
type CloseCounts struct{ n [sides][codes]uint64 }

const (
	sides = 3 // Nobody, Local, Peer
	// codes are 1000 to 1015, each by itself, and three ranges: the rest below 3000,
	// 3000 to 3999, and 4000 to 4999 (RFC 6455 7.4.2).
	codes    = assigned + 3
	assigned = 16
)

// CloseKind is the way in which a connection closed.
type CloseKind struct {
	By Side
	// Code is the close code of the side that began to close. It is NoStatusReceived for a Close
	// frame without a code, and AbnormalClosure without a Close frame. 3000 and 4000 each stand
	// for the thousand codes from there on, and 2999 for unassigned codes.
	Code frame.CloseCode
}

// All yields the ways in which connections closed, and how many.
func (c *CloseCounts) All() iter.Seq2[CloseKind, uint64] {
	return func(yield func(CloseKind, uint64) bool) {
		for side := range c.n {
			for i, count := range c.n[side] {
				if count > 0 && !yield(CloseKind{Side(side), codeOf(i)}, count) {
					return
				}
			}
		}
	}
}

func (c *CloseCounts) add(o *CloseCounts) {
	for side := range c.n {
		for i := range c.n[side] {
			c.n[side][i] += o.n[side][i]
		}
	}
}

// code is the one that a connection is counted under.
func (i *CloseInfo) code() frame.CloseCode {
	switch {
	case i.By != Local:
		return i.Received
	case i.Sent == 0:
		return frame.AbnormalClosure // cut without a Close frame
	}
	return i.Sent
}

func indexOf(code frame.CloseCode) int {
	switch {
	case code >= 4000:
		return assigned + 2
	case code >= 3000:
		return assigned + 1
	case code >= frame.NormalClosure && code < frame.NormalClosure+assigned:
		return int(code - frame.NormalClosure)
	}
	return assigned
}

func codeOf(i int) frame.CloseCode {
	switch i {
	case assigned:
		return 2999
	case assigned + 1:
		return 3000
	case assigned + 2:
		return 4000
	}
	return frame.NormalClosure + frame.CloseCode(i)
}
