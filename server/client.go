package server

import (
	"unsafe"

	"github.com/framerail/framerail/conn"
	"github.com/framerail/framerail/internal/platform"
	"github.com/framerail/framerail/internal/session"
	"github.com/framerail/framerail/internal/transport"
	"github.com/framerail/framerail/poller"
)

// client is a connection with what its loop keeps for it, in one allocation.
type client struct {
	session.Driver
	sock platform.Socket

	// Owned by the loop.
	gen        uint32 // tells this user of the slot from the one before
	phase      phase
	standing   standing
	pollFailed bool     // the poller will not watch it
	listed     bool     // guarded by the table's lock
	expires    moment   // when its lifetime is over, and before that its time for the request
	head       *partial // the request or the refusal, while in pieces

	chain *client // guarded by the table's lock
}

// clientOf is the client whose connection c is. Every connection of a server's loops is the
// Conn of the Driver that is the first field of a client.
func clientOf(c *session.Conn) *client { return (*client)(unsafe.Pointer(c)) }

// fd is the poller's name for the client's transport.
func (cl *client) fd() int { return cl.sock.FD() }

// below is the client's transport: its sock or, in a simulation, another.
func (cl *client) below() transport.Transport { return cl.driver().Transport() }

// public is the connection as the program sees it.
func (cl *client) public() *conn.Conn { return (*conn.Conn)(&cl.Conn) }

// driver is the connection as its loop sees it. On the loop.
func (cl *client) driver() *session.Driver { return &cl.Driver }

// slots holds a loop's clients by small numbers, which timers and the poller's
// tokens refer to. It grows by the page, so that growing copies nothing.
type slots struct {
	pages []*[slotPage]*client
	free  []int32 // those given back
	next  int     // the first never used
	gen   uint32
	used  int
}

const slotPage = 512

// take gives cl a slot, with a generation of its own.
func (s *slots) take(cl *client) (id int) {
	if n := len(s.free); n > 0 {
		id = int(s.free[n-1])
		s.free = s.free[:n-1]
	} else {
		id = s.next
		s.next++
		if id == len(s.pages)*slotPage {
			s.pages = append(s.pages, new([slotPage]*client))
		}
	}
	s.gen++
	cl.gen = s.gen
	s.pages[id/slotPage][id%slotPage] = cl
	s.used++
	return id
}

func (s *slots) at(id int) *client { return s.pages[id/slotPage][id%slotPage] }

func (s *slots) give(id int) {
	s.pages[id/slotPage][id%slotPage] = nil
	s.free = append(s.free, int32(id))
	s.used--
}

// each calls f for every client; f may give slots back.
func (s *slots) each(f func(*client)) {
	for id := range s.next {
		if cl := s.at(id); cl != nil {
			f(cl)
		}
	}
}

// token names a client to the poller: its slot, and the generation that tells an
// event for a client that is gone from one for its successor.
func (cl *client) token() poller.Token {
	return cl.tokenOf(cl.gen)
}

// tokenOf is token for the generation that cl had.
func (cl *client) tokenOf(gen uint32) poller.Token {
	return poller.Token(gen)<<32 | poller.Token(uint32(cl.driver().ID()))
}

// find is the client that a token names; nil if it is gone.
func (s *slots) find(t poller.Token) *client {
	if cl := s.at(int(uint32(t))); cl != nil && cl.gen == uint32(t>>32) {
		return cl
	}
	return nil
}
