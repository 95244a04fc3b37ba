//go:build linux

package main

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
)

// oneLife connects, echoes and closes.
func oneLife(ctx context.Context, addr string) error {
	c, err := open(ctx, addr, "/")
	if err != nil {
		return err
	}
	if err := c.echo([]byte("one life")); err != nil {
		return errors.Join(err, c.Close())
	}
	return c.finish(1000)
}

// bystanders connect, echo and close, one life after the other, while a bar does
// something that must not concern them. They go on until leave, which returns how
// many there were.
func bystanders(ctx context.Context, v *verdict, addr string) (leave func() (lives int64)) {
	attack, ended := context.WithCancel(ctx)
	var group sync.WaitGroup
	var lives atomic.Int64
	for range 2 {
		group.Go(func() {
			for attack.Err() == nil {
				// Not ctx: its end is no failure of the server.
				err := oneLife(context.WithoutCancel(ctx), addr)
				v.expect(err == nil, "a bystander: %v", err)
				lives.Add(1)
			}
		})
	}
	return func() int64 {
		ended()
		group.Wait()
		return lives.Load()
	}
}
