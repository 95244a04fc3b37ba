//go:build linux

package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/framerail/framerail/bench/internal/wire"
	"github.com/framerail/framerail/conn"
	"github.com/framerail/framerail/server"
)

// unopenedCommand has clients begin a handshake that they do not finish, in each phase that
// there is before a connection is open, and together hold more than the server has for
// buffers. Broken, there is no budget.
type unopenedCommand struct {
	scale
	MiB  int `default:"16" help:"The budget of the server's buffers."`
	Over int `default:"0" help:"How many percent of it more may be lent for a moment."`
}

const (
	// unopenedHealthy is how many connections are open all the while.
	unopenedHealthy = 20
	// unopenedHeader has a Check wait.
	unopenedHeader = "X-Wait"
)

// unopenedProxy is the address whose connections begin with a PROXY header.
var unopenedProxy = netip.AddrFrom4([4]byte{127, 0, 2, 1})

// unopenedPhase is clients that stop in one phase.
type unopenedPhase struct {
	name   string
	tls    bool
	from   netip.Addr // any, if it is not valid
	size   int        // of what each sends, in bytes
	limits server.Limits
	sent   func(addr string, size int) string
}

func unopenedPhases() []unopenedPhase {
	request := func(addr string, size int) string {
		head := "GET / HTTP/1.1\r\nHost: " + addr + "\r\nCookie: "
		return head + strings.Repeat("x", size-len(head))
	}
	return []unopenedPhase{
		{name: "requests", size: 8028, sent: request},
		{name: "long requests", size: 600_000, limits: server.Limits{MaxHandshakeBytes: 1 << 20}, sent: request},
		{name: "ClientHellos", tls: true, size: 17_006, sent: func(_ string, size int) string {
			return "\x16\x03\x01\x47\x00" + strings.Repeat("x", size-5)
		}},
		{name: "PROXY headers", from: unopenedProxy, size: 4000, sent: func(_ string, size int) string {
			return "\r\n\r\n\x00\r\nQUIT\n\x20\x00\x0f\xe0" + strings.Repeat("x", size-16)
		}},
		{name: "checks", size: 8028, sent: func(addr string, size int) string {
			head := strings.TrimSuffix(string(wire.Request(addr, "/")), "\r\n") + unopenedHeader + ": "
			return head + strings.Repeat("x", size-len(head)-4) + "\r\n\r\n"
		}},
	}
}

// checkSlowly has Check wait for a client that asks for that, and believes the proxy.
func checkSlowly(srv *server.Server, _ *counters) {
	srv.Proxies.Protocol.Networks = []netip.Prefix{netip.PrefixFrom(unopenedProxy, 32)}
	srv.CheckDispatch = conn.OnGoroutines
	srv.Check = func(h *server.Handshake) error {
		if h.Request.Header.Get(unopenedHeader) != "" {
			<-h.Request.Context().Done()
		}
		return nil
	}
}

func (b *unopenedCommand) Run(ctx context.Context) error {
	if b.Short {
		b.MiB = 4
	}
	v := new(verdict)
	var figures []string
	for _, phase := range unopenedPhases() {
		set := setup{Program: "slowcheck", Limits: phase.limits}
		set.MaxBuffers = int64(either(b.scale, b.MiB<<20, -1))
		set.HandshakeTimeout, set.CheckTimeout = patience, patience
		ctx := security{TLS: phase.tls}.within(ctx)
		err := withServer(ctx, v, set, func(p *process) error {
			figure, err := b.attack(ctx, v, p, phase)
			figures = append(figures, figure)
			return err
		})
		if err != nil {
			return fmt.Errorf("%s: %w", phase.name, err)
		}
	}
	return v.finish("budget of %d MiB, %d open connections echoed: %s", b.MiB, unopenedHealthy, strings.Join(figures, "; "))
}

// attack has clients want half as much again as there is, and looks what is lent.
func (b *unopenedCommand) attack(ctx context.Context, v *verdict, p *process, phase unopenedPhase) (figure string, err error) {
	healthy, err := openAll(ctx, p.addr, unopenedHealthy)
	defer closeAll(healthy)
	if err != nil {
		return "", err
	}
	var most atomic.Int64
	var watching sync.WaitGroup
	watch, seen := context.WithCancel(ctx)
	defer seen()
	watching.Go(func() { b.watch(watch, v, p, healthy, &most) })

	n := b.MiB << 20 * 3 / 2 / phase.size
	clients := make([]*client, n)
	sent := phase.sent(p.addr, phase.size)
	err = each(ctx, n, 16, func(ctx context.Context, i int) (err error) {
		if clients[i], err = connectTCP(ctx, phase.from, p.addr); err == nil {
			_, _ = io.WriteString(clients[i].tcp, sent) // that it is cut off is no failure
		}
		return err
	})
	defer closeAll(clients)
	sleep(ctx, 300*time.Millisecond)
	let, refused := b.newcomers(ctx, v, p.addr)
	defer closeAll(let)
	seen()
	watching.Wait()
	if err != nil {
		return "", err
	}
	held := most.Load()
	v.expect(held <= int64(b.MiB)<<20*int64(100+b.Over)/100, "%s: %d B lent of %d MiB", phase.name, held, b.MiB)
	s, err := p.glance()
	v.expect(s.Opened == s.Closed+unopenedHealthy+int64(len(let)), "%s: of %d opened %d are closed", phase.name, s.Opened, s.Closed)
	return fmt.Sprintf("%d %s of %d B: at most %.1f MiB lent, %d of %d newcomers let in", n, phase.name, phase.size,
		float64(held)/(1<<20), len(let), len(let)+refused), err
}

// watch looks at the most that is lent while the healthy echo, until ctx is done.
func (b *unopenedCommand) watch(ctx context.Context, v *verdict, p *process, healthy []*client, most *atomic.Int64) {
	for i := 0; ctx.Err() == nil; i++ {
		s, err := p.glance()
		v.expect(err == nil, "%v", err)
		most.Store(max(most.Load(), s.BufferBytes))
		c := healthy[i%len(healthy)]
		if err := c.echo([]byte("open before")); err != nil {
			v.miss("an open connection: %v", err)
			return
		}
	}
}

// newcomers come while all that is held: each is let in, or gets 503.
func (b *unopenedCommand) newcomers(ctx context.Context, v *verdict, addr string) (let []*client, refused int) {
	for range unopenedHealthy {
		c, err := connect(ctx, addr)
		if err != nil {
			v.miss("a newcomer: %v", err)
			continue
		}
		switch status, err := c.ask(addr); {
		case err == nil && status == http.StatusSwitchingProtocols:
			let = append(let, c)
		case err == nil && status == http.StatusServiceUnavailable:
			refused++
			_ = c.Close()
		default:
			v.miss("a newcomer: status %d, %v", status, err)
		}
	}
	return let, refused
}
