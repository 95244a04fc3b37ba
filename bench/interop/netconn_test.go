package interop

import (
	"context"
	"net"
	"testing"

	"golang.org/x/net/nettest"

	ws "github.com/framerail/framerail/client"
	"github.com/framerail/framerail/conn"
	"github.com/framerail/framerail/server"
)

// conn.NetConn behaves as golang.org/x/net expects of a net.Conn: deadlines past, present and future,
// calls at the same time, Close beside them.
func TestNetConn_PassesNettest(t *testing.T) {
	nettest.TestConn(t, func() (near, far net.Conn, stop func(), err error) {
		accepted := make(chan net.Conn, 1)
		srv := &server.Server{Addr: "127.0.0.1:0", Loops: 1}
		srv.OnConnection = func(c *conn.Conn) { accepted <- conn.NetConn(c, conn.Binary) }
		if err := srv.Start(); err != nil {
			return nil, nil, nil, err
		}
		cl := new(ws.Client)
		stop = func() {
			_ = cl.Close()
			_ = srv.Close()
		}
		c, err := cl.Dial(context.Background(), "ws://"+srv.ListenAddr().String()+"/")
		if err != nil {
			stop()
			return nil, nil, nil, err
		}
		return conn.NetConn(c, conn.Binary), <-accepted, stop, nil
	})
}
