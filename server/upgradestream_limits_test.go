package server

import (
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/framerail/framerail/conn"
	"github.com/framerail/framerail/frame"
)

// Connections over HTTP/2 count where those over TCP do. Who is one too many is refused with the same status.
func TestStream_TooManyAreRefused(t *testing.T) {
	for name, test := range map[string]struct {
		limits Limits
		second string // the address of the second client
		status int
		reason Reason
	}{
		"MaxConnections":           {Limits{MaxConnections: 1}, "192.0.2.8:4712", http.StatusServiceUnavailable, ReasonConnections},
		"MaxConnectionsPerAddress": {Limits{MaxConnectionsPerAddress: 1}, "192.0.2.7:4712", http.StatusTooManyRequests, ReasonAddress},
	} {
		t.Run(name, func(t *testing.T) {
			s := unstarted(t, &Server{OnMessage: echo, Limits: test.limits})
			first, p, ended := openStream(t, s, h2request())
			receive(t, first.status)
			p.alive()

			r := h2request()
			r.RemoteAddr = test.second
			second, over, refused := openStream(t, s, r)
			go over.readOn()
			var why *UpgradeError
			err := receive(t, refused)
			if status := receive(t, second.status); status != test.status || !errors.As(err, &why) || why.Reason != test.reason {
				t.Errorf("the second client gets %d, %v", status, err)
			}

			p.close(1000, "")
			p.expectClose(1000)
			if err := receive(t, ended); err != nil {
				t.Error(err)
			}
			eventually(t, "room", func() bool { return s.ClientCount() == 0 })
			third, p, ended := openStream(t, s, r)
			if status := receive(t, third.status); status != http.StatusOK {
				t.Errorf("when there is room again a client gets %d", status)
			}
			p.alive()
			_ = p.Conn.Close()
			receive(t, ended)
		})
	}
}

// readOn reads, and forgets, until the connection has ended.
func (p *peer) readOn() {
	buf := make([]byte, 1<<10)
	for {
		if _, err := p.Conn.Read(buf); err != nil {
			return
		}
	}
}

// The limits of an open connection end one over HTTP/2 as they end one over TCP.
func TestStream_LimitsHold(t *testing.T) {
	for name, test := range map[string]struct {
		limits Limits
		send   string
		code   frame.CloseCode // 0: it is cut
		want   Cause           // "": another one
	}{
		"MaxMessageSize": {Limits{Limits: conn.Limits{MaxMessageSize: 10}}, masked(frame.Text, true, strings.Repeat("x", 11)), frame.MessageTooBig, CauseOversize},
		"IdleTimeout":    {Limits{Limits: conn.Limits{IdleTimeout: 300 * time.Millisecond}}, "", 0, CauseIdle},
		"MaxLifetime":    {Limits{Limits: conn.Limits{MaxLifetime: 300 * time.Millisecond}}, "", frame.GoingAway, ""},
	} {
		t.Run(name, func(t *testing.T) {
			closed := make(chan conn.CloseInfo, 1)
			s := unstarted(t, &Server{OnMessage: echo, Limits: test.limits, OnClose: func(_ *conn.Conn, info conn.CloseInfo) { closed <- info }})
			st, p, ended := openStream(t, s, h2request())
			receive(t, st.status)
			p.send(test.send)
			if test.code != 0 {
				h, payload := p.next()
				for ; h.Opcode == frame.Ping; h, payload = p.next() {
				}
				if h.Opcode != frame.Close {
					t.Fatalf("a frame with %v", h.Opcode)
				}
				_, _ = io.WriteString(p.Conn, masked(frame.Close, true, payload)) // or the server has gone already
			}
			go p.readOn()
			info := receive(t, closed)
			if test.code != 0 && info.Sent != test.code {
				t.Errorf("closed with %v", info)
			}
			if err := receive(t, ended); err != nil {
				t.Error(err)
			}
			if st := s.Stats(); test.want != "" && st.Causes[test.want] != 1 || test.want == "" && st.Expired != 1 {
				t.Errorf("%v: %+v", info, st.Causes)
			}
		})
	}
}

// What clients over HTTP/2 do not read is in MaxBuffers. Those that hold most are closed.
func TestStream_UnsentBytesAreInTheBudget(t *testing.T) {
	const budget, size, clients = 1 << 20, 64 << 10, 40
	s := unstarted(t, &Server{Loops: 2, OnMessage: echo,
		Limits: Limits{MaxBuffers: budget, MaxConnectionsPerAddress: -1, Limits: conn.Limits{WriteTimeout: -1, IdleTimeout: -1}}})
	var all []chan error
	var peers []*peer
	for range clients {
		st, p, ended := openStream(t, s, h2request())
		receive(t, st.status)
		all, peers = append(all, ended), append(peers, p)
	}
	eventually(t, "all to be open", func() bool { return s.ClientCount() == clients })
	for c := range s.Clients() {
		_ = c.SendBinary(make([]byte, size))
	}
	eventually(t, "the largest holders to be closed", func() bool { return s.ClientCount() < clients && !s.run.budget.Full() })
	if st := s.Stats(); st.Causes[CauseShed] == 0 || st.BufferBytes > budget {
		t.Errorf("%d were closed, %d bytes are lent of %d", st.Causes[CauseShed], st.BufferBytes, budget)
	}
	for i, p := range peers {
		_ = p.Conn.Close()
		receive(t, all[i])
	}
	eventually(t, "all to be given back", func() bool { return held(s) == 0 })
}
