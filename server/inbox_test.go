package server

import (
	"testing"

	"github.com/framerail/framerail/frame"
	"github.com/framerail/framerail/internal/gate"
	"github.com/framerail/framerail/internal/loop"
	"github.com/framerail/framerail/internal/platform"
)

// A connection that was given to a loop is answered, even if the loop had nothing left to do by then.
func TestInbox_OfALoopThatIsAboutToEndIsRead(t *testing.T) {
	s := start(t, &Server{Loops: 1})
	l := s.run.loops[0]
	ln := listenLocal(t)
	defer ln.Close()
	p := dialAddr(t, "tcp", ln.Addr().String())
	nc, err := ln.Accept()
	if err != nil {
		t.Fatal(err)
	}
	taken, err := platform.Real{}.Sockets().Take(nc)
	if err != nil {
		t.Fatal(err)
	}

	// One turn of the loop reads its last order, and before it carries that out a connection
	// comes: into the mail that no turn would read.
	blocked, posted := make(chan struct{}), make(chan struct{})
	l.Ask(func() { close(blocked); <-posted })
	receive(t, blocked)
	l.Ask(func() { l.Deliver(gate.Accepted{Accepted: taken}) })
	l.Command(loop.Drain)
	close(posted)

	p.handshake()
	p.expectClose(frame.GoingAway)
	p.close(frame.GoingAway, "")
	p.expectEOF()
	receive(t, l.Done())
}
