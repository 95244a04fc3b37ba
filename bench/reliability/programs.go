//go:build linux

package main

import (
	"bytes"
	"runtime"
	"sync"
	"sync/atomic"

	"github.com/framerail/framerail/conn"
	"github.com/framerail/framerail/server"
)

// programs are what framerail's callbacks do. Each is given a server that echoes
// and counts. The broken ones have a fault that a bar must see.
var programs = map[string]func(*server.Server, *counters){
	"echo":       func(*server.Server, *counters) {},
	"burner":     burn,
	"drop":       dropSome,
	"keep":       keepAll,
	"alter":      alterSome,
	"copy":       copyEach,
	"held":       holdWhereAsked,
	"pour":       pour,
	"hoard":      hoard,
	"slowing":    slowing,
	"mixed":      mixed,
	"leaky":      leaky,
	"costly":     costly,
	"contention": contend,
	"watched":    watch,
	"racing":     contendRacing,
	"panic":      panicWhereAsked(func() { panic(errMeant) }),
	"slowcheck":  checkSlowly,
	"crash":      panicWhereAsked(func() { go panic(errMeant) }),
}

// dropSome is broken: it closes every 50th connection.
func dropSome(srv *server.Server, n *counters) {
	srv.OnConnection = func(c *conn.Conn) {
		if n.opened.Add(1)%50 == 0 {
			_ = c.Close(1001, "")
		}
	}
}

// keepAll is broken: it keeps each connection that was closed, with a buffer, and
// now and then a goroutine.
func keepAll(srv *server.Server, n *counters) {
	var mu sync.Mutex
	kept := make(map[*conn.Conn][]byte)
	srv.OnClose = func(c *conn.Conn, _ conn.CloseInfo) {
		mu.Lock()
		defer mu.Unlock()
		kept[c] = make([]byte, 100)
		if n.closed.Add(1)%100 == 0 {
			go func() { select {} }()
		}
		runtime.KeepAlive(kept)
	}
}

// leaky is broken: it does what mixed does, and keeps all.
func leaky(srv *server.Server, n *counters) {
	mixed(srv, n)
	keepAll(srv, n)
}

// alterSome is broken: it flips a bit of every 50th message.
func alterSome(srv *server.Server, _ *counters) {
	var count atomic.Int64
	srv.OnMessage = func(c *conn.Conn, m conn.Message) {
		if len(m.Payload) > 0 && count.Add(1)%50 == 0 {
			m.Payload[len(m.Payload)/2] ^= 1
		}
		echo(c, m)
	}
}

// copyEach is broken: it allocates for each message.
func copyEach(srv *server.Server, _ *counters) {
	srv.OnMessage = func(c *conn.Conn, m conn.Message) { _ = c.Send(m.Type, bytes.Clone(m.Payload)) }
}

// pour answers a binary message of one byte with 1 MiB of it: half of the
// connections on the loop, half from a goroutine, which may come when the
// connection is closed and its descriptor somebody else's. Text is echoed.
func pour(srv *server.Server, n *counters) {
	var count atomic.Int64
	srv.OnMessage = func(c *conn.Conn, m conn.Message) {
		if m.Type != conn.Binary {
			echo(c, m)
			return
		}
		long := bytes.Repeat(m.Payload, resetsMessage)
		if count.Add(1)%2 == 0 {
			_ = c.SendBinary(long)
			return
		}
		go func() { _ = c.SendBinary(long) }()
	}
	closeOnce(srv, n)
}

// closeOnce counts connections whose close callback runs more than once.
func closeOnce(srv *server.Server, n *counters) {
	srv.OnClose = func(c *conn.Conn, _ conn.CloseInfo) {
		n.closed.Add(1)
		if c.Value() != nil {
			n.twice.Add(1)
		}
		c.SetValue(true)
	}
}
