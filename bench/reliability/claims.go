//go:build linux

package main

import (
	"context"
	"encoding/binary"
	"fmt"
	"math"
	"sync"
	"sync/atomic"

	"github.com/framerail/framerail/bench/internal/wire"
	"github.com/framerail/framerail/conn"
	"github.com/framerail/framerail/server"
)

// claimsCommand has clients claim a long message, send a little of it, and fall
// silent. Broken, a server makes room for what is claimed.
type claimsCommand struct {
	scale
	way
	Conns int `default:"10000" help:"Clients; each needs a descriptor."`
}

const (
	claimsLimit = 256 << 10
	// claimsSent is how much of its message each client sends; claimsSlack is what
	// the server may use beyond that.
	claimsSent  = 100
	claimsSlack = 4 << 10
)

func (b *claimsCommand) Run(ctx context.Context) error {
	ctx = b.within(ctx)
	if b.Short {
		b.Conns = 400
	}
	set := setup{Program: "echo", Limits: server.Limits{Limits: conn.Limits{MaxMessageSize: claimsLimit}}}
	if b.Break {
		set = setup{Faulty: "trusting"}
	}
	return against(ctx, set, b.attack)
}

func (b *claimsCommand) attack(ctx context.Context, v *verdict, p *process) (figure string, err error) {
	clients, err := openAll(ctx, p.addr, b.Conns)
	defer closeAll(clients)
	if err != nil {
		return "", err
	}
	before, err := p.stats()
	if err != nil {
		return "", err
	}

	lengths := []uint64{math.MaxInt64, 1 << 31, claimsLimit + 1, claimsLimit}
	var received, refused atomic.Int64
	err = each(ctx, b.Conns, 16, func(_ context.Context, i int) error {
		header := binary.BigEndian.AppendUint64([]byte{0x80 | wire.Binary, 0x80 | 127}, lengths[i%len(lengths)])
		n, err := clients[i].Write(append(header, make([]byte, 4+claimsSent)...))
		received.Add(int64(n))
		return err
	})
	if err != nil {
		return "", err
	}
	// Each of those over the limit is told so. The others can only be given time:
	// an echo on another connection shows that the loops have come around.
	var group sync.WaitGroup
	for i, c := range clients {
		if lengths[i%len(lengths)] <= claimsLimit || b.Break {
			continue
		}
		group.Go(func() {
			code, err := c.awaitCode()
			v.expect(err == nil && code == 1009, "a claim of %d bytes: close code %d, %v", lengths[i%len(lengths)], code, err)
			refused.Add(1)
		})
	}
	group.Wait()
	for range 8 {
		if err := oneLife(ctx, p.addr); err != nil {
			return "", err
		}
	}
	after, err := p.stats()
	if err != nil {
		return "", err
	}
	grown := after.Heap - before.Heap
	v.expect(grown <= received.Load()+int64(b.Conns)*claimsSlack, "the heap grew by %d B for %d B received", grown, received.Load())
	return fmt.Sprintf("%d clients claimed 2^63-1, 2^31, limit+1 or limit; %d refused with 1009; heap grew by %d B, %d B each (bar: bytes received + %d B each)",
		b.Conns, refused.Load(), grown, grown/int64(b.Conns), claimsSlack), nil
}
