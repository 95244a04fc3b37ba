package session

import (
	"fmt"
	"io"
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/framerail/framerail/frame"
	"github.com/framerail/framerail/frame/deflate"
	"github.com/framerail/framerail/internal/transport"
)

// pipe is one end of a transport within a process: what one end writes the other reads.
type pipe struct {
	in    []byte
	ended bool // the other end writes no more
	other *pipe
	// masked is whether the frames that were written here first were masked.
	masked bool
	wrote  bool
}

func newPipe() (a, b *pipe) {
	a, b = new(pipe), new(pipe)
	a.other, b.other = b, a
	return a, b
}

func (p *pipe) Read(b []byte) (int, error) {
	if len(p.in) == 0 && p.ended {
		return 0, io.EOF
	}
	if len(p.in) == 0 {
		return 0, transport.ErrWouldBlock
	}
	n := copy(b, p.in)
	p.in = p.in[n:]
	return n, nil
}

func (p *pipe) Write(bufs [][]byte) (n int, err error) {
	for _, b := range bufs {
		if !p.wrote && len(b) > 1 {
			p.wrote, p.masked = true, b[1]&0x80 != 0
		}
		p.other.in = append(p.other.in, b...)
		n += len(b)
	}
	return n, nil
}

func (p *pipe) CloseWrite() error         { p.other.ended = true; return nil }
func (p *pipe) Close() error              { return p.CloseWrite() }
func (p *pipe) LocalAddr() netip.AddrPort { return peerAddr }

// pair is the host of a loop that has a server's connection and the client's that it talks to.
type pair struct {
	ends   [2]*Driver
	pipes  [2]*pipe
	due    []*Conn
	closed int
	infos  []CloseInfo
}

func (p *pair) Schedule(c *Conn)                { p.due = append(p.due, c) }
func (p *pair) SetInterest(*Driver, bool, bool) {}
func (p *pair) SetTimer(*Conn, time.Duration)   {}
func (p *pair) Limited(*Driver)                 {}
func (p *pair) Opened(*Conn)                    {}
func (p *pair) Closed(*Driver)                  { p.closed++ }
func (p *pair) Ended(*Conn)                     {}
func (p *pair) ended(_ *Conn, info CloseInfo)   { p.infos = append(p.infos, info) }
func (p *pair) config(role frame.Role) (c Config) {
	c.Role, c.Logger, c.Handlers.Close = role, quiet, p.ended
	return c
}

// turn serves both ends until neither has anything to do.
func (p *pair) turn() {
	for busy := true; busy; {
		busy = len(p.due) > 0
		due := p.due
		p.due = nil
		for i, d := range p.ends {
			if slices.Contains(due, &d.Conn) {
				d.Attend()
			}
			if in := p.pipes[i]; (len(in.in) > 0 || in.ended) && d.State() != Closed {
				d.Readable()
				busy = true
			}
		}
	}
}

// A loop may have a server's connections and a client's. Each has its own role, callbacks and
// limits.
func TestPolicy_AServerAndAClientOnOneLoop(t *testing.T) {
	for _, params := range []*deflate.Params{nil, {}} {
		t.Run(fmt.Sprintf("deflate=%v", params != nil), func(t *testing.T) {
			p := new(pair)
			loop := NewLoop(p)
			loop.Take()
			var got []string
			servers, clients := p.config(frame.Server), p.config(frame.Client)
			servers.Handlers.Message = echo
			servers.MaxMessageSize = 1000
			clients.Handlers.Message = func(_ *Conn, m Message) { got = append(got, string(m.Payload)) }
			servers, clients = servers.WithDefaults(), clients.WithDefaults()

			p.pipes[0], p.pipes[1] = newPipe()
			for i, cfg := range []*Config{&servers, &clients} {
				p.ends[i] = new(Driver)
				p.ends[i].Init(loop, NewPolicy(cfg), i, p.pipes[i], peerAddr)
				p.ends[i].Open(Opening{Deflate: params})
			}
			server, client := p.ends[0], p.ends[1]
			var want []string
			for i := range 20 {
				want = append(want, fmt.Sprintf("message %d of a few that are alike", i))
				if err := client.SendText(want[i]); err != nil {
					t.Fatal(err)
				}
				p.turn()
			}
			if !slices.Equal(got, want) {
				t.Errorf("the client got %q", got)
			}
			expect(t, "the server's frames are masked", p.pipes[0].masked, false)
			expect(t, "the client's frames are masked", p.pipes[1].masked, true)
			expect(t, "the server's limit", server.Limits().MaxMessageSize, 1000)
			expect(t, "the client's limit", client.Limits().MaxMessageSize, DefaultMaxMessageSize)

			// A limit of zero is that of the connection's own policy.
			for _, d := range p.ends {
				if err := d.SetLimits(Limits{MaxFragments: 7}); err != nil {
					t.Fatal(err)
				}
			}
			expect(t, "the server's limit", server.Limits().MaxMessageSize, 1000)
			expect(t, "the client's limit", client.Limits().MaxMessageSize, DefaultMaxMessageSize)

			_ = client.SendBinary(make([]byte, 1001)) // too large for the server only
			p.turn()
			expect(t, "closed", p.closed, 2)
			for _, info := range p.infos {
				expect(t, "code", max(info.Sent, info.Received), frame.MessageTooBig)
			}
			if n, _ := loop.Lent(); n != 0 {
				t.Errorf("%d buffers are lent still", n)
			}
		})
	}
}
