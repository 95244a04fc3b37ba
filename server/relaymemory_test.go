package server

import (
	"bytes"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/framerail/framerail/conn"
	"github.com/framerail/framerail/frame"
)

// What clients do not read lies in buffers of the budget, also what a relay has taken from the loop. So those that hold
// most are closed, and MaxBuffers bounds what all of them hold together.
func TestForeign_UnsentBytesAreInTheBudget(t *testing.T) {
	const budget, size, clients = 1 << 20, 20 << 10, 100
	s := &Server{Loops: 2, OnMessage: echo,
		Limits: Limits{MaxBuffers: budget, Limits: conn.Limits{WriteTimeout: -1, IdleTimeout: -1}}}
	connect := foreigns["pipe"].serve(t, s)
	var peers []*peer
	for range clients {
		p := connect()
		p.handshake()
		peers = append(peers, p)
	}
	eventually(t, "all to be open", func() bool { return s.ClientCount() == clients })
	if n := held(s); n >= size {
		t.Errorf("%d bytes are lent to idle clients", n)
	}
	var all []*conn.Conn
	for c := range s.Clients() {
		all = append(all, c)
	}
	message := make([]byte, size)
	first := all[0]
	_ = first.SendBinary(message)
	eventually(t, "the relay to take all of a message", func() bool { return first.Pending() == 0 })
	if n := held(s); n < size {
		t.Errorf("%d bytes are lent for %d that one client does not read", n, size)
	}
	for _, c := range all[1:] {
		_ = c.SendBinary(message)
	}
	eventually(t, "the largest holders to be closed", func() bool {
		return s.ClientCount() <= budget/size && !s.run.budget.Full()
	})
	eventually(t, "the end of the closing", func() bool { return !bytes.Contains(stacks(), []byte("memory.(*Budget).shed(")) })
	for _, l := range s.run.loops {
		do(t, l, func() {}) // behind what it still was to close
	}
	st := s.Stats()
	if st.Causes[CauseShed] == 0 || st.BufferBytes > budget {
		t.Errorf("%d were closed, %d bytes are lent of %d", st.Causes[CauseShed], st.BufferBytes, budget)
	}
	left := s.ClientCount()
	whole := 0
	for _, p := range peers {
		_ = p.SetDeadline(time.Now().Add(30 * time.Second))
		if h, payload, err := p.read(); err == nil && h.Opcode == frame.Binary && len(payload) == size {
			whole++
		}
	}
	if left == 0 || whole < left {
		t.Errorf("%d clients got their message of %d that were left", whole, left)
	}
	for _, p := range peers {
		p.Close()
	}
	eventually(t, "all to be given back", func() bool { return s.ClientCount() == 0 && held(s) == 0 })
}

// Clients that begin a long request and stop hold what they have sent, and no long read's buffer. None is refused for it.
func TestForeign_LongReadsAreForOpenConnections(t *testing.T) {
	const budget, clients, first = 1 << 20, 100, 1 << 10
	s := &Server{Loops: 1, OnMessage: echo, Limits: Limits{MaxBuffers: budget, HandshakeTimeout: time.Minute}}
	connect := foreigns["pipe"].serve(t, s)
	request := with("X: " + strings.Repeat("x", 2*first))
	var peers []*peer
	for range clients {
		p := connect()
		p.send(request[:first])
		peers = append(peers, p)
	}
	_, unopened := s.run.loops[0].Pools()
	eventually(t, "all to be read", func() bool { _, bytes := unopened.Lent(); return bytes >= clients*first })
	if n, bytes := unopened.Lent(); n != clients || bytes != clients*first {
		t.Errorf("%d buffers with %d bytes are lent to clients that have sent %d", n, bytes, clients*first)
	}
	for _, p := range peers {
		p.send(request[first:])
		p.expectStatus(101)
	}
	eventually(t, "all to be given back", func() bool { return held(s) == 0 })
}

// A connection that net/http has holds none of the server's memory while its handler waits, however long its request was.
func TestForeign_AWaitingHandlerHoldsNothing(t *testing.T) {
	begun, unheld := make(chan struct{}, 1), make(chan struct{})
	s := &Server{Loops: 1, OnMessage: echo, Handler: http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		begun <- struct{}{}
		<-unheld
	})}
	connect := foreigns["pipe"].serve(t, s)
	for _, size := range []int{512, 1 << 10, 4 << 10} { // as many as fill a buffer of the relay's
		request := "GET / HTTP/1.1\r\nHost: example.com\r\nX: "
		request += strings.Repeat("x", size-len(request)-4) + "\r\n\r\n"
		p := connect()
		p.send(request)
		receive(t, begun)
		if n := held(s); n != 0 {
			t.Errorf("%d bytes are lent behind a request of %d", n, size)
		}
		unheld <- struct{}{}
		p.expectStatus(200)
	}
}
