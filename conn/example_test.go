package conn_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/framerail/framerail/conn"
	"github.com/framerail/framerail/frame"
	"github.com/framerail/framerail/server"
	"github.com/framerail/framerail/server/servertest"
)

// Each connection has a value of the program's and callbacks of its own, and is closed with a
// code and a reason. The client, here and below, is one on a simulated machine.
func ExampleConn() {
	srv := &server.Server{}
	srv.OnConnection = func(c *conn.Conn) {
		r, _ := c.Request()
		c.SetValue(r.URL.Query().Get("name"))
		c.OnMessage(func(c *conn.Conn, m conn.Message) {
			if m.Type != conn.Text {
				_ = c.Close(frame.UnsupportedData, "this is a chat")
				return
			}
			_ = c.SendText("hello " + c.Value().(string))
		})
		c.OnClose(func(c *conn.Conn, info conn.CloseInfo) { fmt.Println(c.Value(), "is", info) })
	}

	sim := servertest.New(1, srv)
	ann := sim.Dial("/?name=ann")
	ann.SendText("hello")
	ann.SendBinary([]byte{1, 2, 3})
	sim.Settle()
	fmt.Println(ann.Next())
	fmt.Println(ann.Closed())
	fmt.Println(sim.Close())
	// Output:
	// ann is closed by local, sent 1003 (Unsupported Data), received 1003 (Unsupported Data), reason "this is a chat"
	// hello ann true
	// {1003 (Unsupported Data) this is a chat} true
	// <nil>
}

// A client has ten seconds to log in, and news come from another goroutine. All that touches
// the session runs in the connection's order, so that it needs no lock.
func ExampleConn_AfterFunc() {
	type session struct {
		user string
		news int
	}
	srv := &server.Server{}
	srv.OnConnection = func(c *conn.Conn) {
		s := new(session)
		c.SetValue(s)
		timer, err := c.AfterFunc(10*time.Second, func(c *conn.Conn) { _ = c.Close(4401, "log in first") })
		if err != nil {
			return // it is closing already
		}
		c.OnMessage(func(c *conn.Conn, m conn.Message) {
			timer.Stop()
			s.user = m.String()
		})
	}

	sim := servertest.New(1, srv)
	ann, ben := sim.Dial("/"), sim.Dial("/")
	ann.SendText("ann")
	sim.Advance(time.Minute)
	for c := range srv.Clients() { // on whichever goroutine
		_ = c.Do(func(c *conn.Conn) {
			s := c.Value().(*session)
			s.news++
			_ = c.SendText(fmt.Sprint("to ", s.user, ", news ", s.news))
		})
	}
	sim.Settle()
	fmt.Println(ben.Closed())
	fmt.Println(ann.Next())
	fmt.Println(sim.Close())
	// Output:
	// {4401 log in first} true
	// to ann, news 1 true
	// <nil>
}

// A client that reads too slowly misses old prices of a thing, and never the latest of any.
func ExampleConn_SendMessage() {
	srv := &server.Server{Overflow: conn.OverflowLatest}
	srv.OnClose = func(_ *conn.Conn, info conn.CloseInfo) { fmt.Println(info.Dropped > 0, info.Err) }

	sim := servertest.New(1, srv)
	sim.Buffer = 64 // bytes that a socket holds: the network is full at once
	slow := sim.Dial("/")
	sim.Settle()
	slow.Pause()
	for price := range 1000 {
		for c := range srv.Clients() {
			_ = c.SendMessage(conn.Message{Type: conn.Text, Key: "tea", Payload: fmt.Appendf(nil, "tea costs %d", price)})
			_ = c.SendMessage(conn.Message{Type: conn.Text, Key: "salt", Payload: fmt.Appendf(nil, "salt costs %d", price)})
		}
		sim.Settle()
	}
	slow.Resume()
	sim.Settle()
	var heard []string
	for m, ok := slow.Next(); ok; m, ok = slow.Next() {
		heard = append(heard, m.String())
	}
	fmt.Println(len(heard) < 20, heard[len(heard)-2:])
	slow.Close(frame.NormalClosure, "")
	sim.Settle()
	fmt.Println(sim.Close())
	// Output:
	// true [tea costs 999 salt costs 999]
	// true <nil>
	// <nil>
}

// A producer that may not lose anything stops when too much is pending, and goes on when that
// has left.
func ExampleOverflow() {
	srv := &server.Server{Overflow: conn.OverflowRefuse, Limits: server.Limits{Limits: conn.Limits{MaxPending: 4 << 10}}}
	paused := 0
	produce := func(c *conn.Conn) {
		next := c.Value().(*int)
		for ; *next < 1000; *next++ {
			if err := c.SendText(fmt.Sprint("line ", *next)); errors.Is(err, conn.ErrPendingFull) {
				paused++
				return // OnDrained goes on with the same line
			} else if err != nil {
				return // it is closing
			}
		}
	}
	srv.OnConnection = func(c *conn.Conn) {
		c.SetValue(new(int))
		produce(c)
	}
	srv.OnDrained = produce

	sim := servertest.New(1, srv)
	sim.Buffer = 1 << 10
	c := sim.Dial("/")
	sim.Settle()
	for want := range 1000 {
		if m, _ := c.Next(); m.String() != fmt.Sprint("line ", want) {
			fmt.Println("got", m, "in place of line", want)
			break
		}
	}
	fmt.Println("paused:", paused > 0)
	fmt.Println(sim.Close())
	// Output:
	// paused: true
	// <nil>
}

// A client is sent all there is when it connects, at the pace at which it reads. Callbacks
// run on goroutines, so that they may wait.
func ExampleConn_SendWait() {
	srv := &server.Server{Dispatch: conn.OnGoroutines, Limits: server.Limits{Limits: conn.Limits{MaxPending: 16 << 10}}}
	srv.OnConnection = func(c *conn.Conn) {
		for row := range 10_000 { // of a query, in real life
			err := c.SendWait(context.Background(), conn.Message{Type: conn.Text, Payload: fmt.Append(nil, "row ", row)})
			if err != nil {
				return // the connection is closing
			}
		}
		_ = c.SendText("that was all")
	}

	sim := servertest.New(1, srv)
	sim.Buffer = 1 << 10 // the network is slow
	c := sim.Dial("/")
	sim.Settle()
	for want := range 10_000 {
		if m, _ := c.Next(); m.String() != fmt.Sprint("row ", want) {
			fmt.Println("got", m, "in place of row", want)
			break
		}
	}
	fmt.Println(c.Next())
	fmt.Println(sim.Close())
	// Output:
	// that was all true
	// <nil>
}

// A message is read while it is still arriving, on a goroutine, whatever its length is.
func ExampleReader() {
	srv := &server.Server{Limits: server.Limits{Limits: conn.Limits{MaxMessageSize: 64 << 20}}}
	srv.OnStream = func(c *conn.Conn, r *conn.Reader) {
		n, err := io.Copy(io.Discard, r) // or to a file
		if err != nil {
			fmt.Println("after", n, "bytes:", err)
			return
		}
		_ = c.SendText(fmt.Sprint("thanks for ", n, " bytes of ", r.Type()))
	}

	sim := servertest.New(1, srv)
	ann, bob := sim.Dial("/"), sim.Dial("/")
	ann.SendBinary(make([]byte, 1<<20))
	bob.SendFrame(frame.Header{Opcode: frame.Text}, make([]byte, 100)) // and more to come
	sim.Settle()
	fmt.Println(ann.Next())
	bob.Leave()
	sim.Settle()
	fmt.Println(sim.Close())
	// Output:
	// thanks for 1048576 bytes of binary true
	// after 100 bytes: framerail: stream ended without a Close frame: unexpected EOF
	// <nil>
}

// A message is sent in fragments while it is being made. Others to the same client wait until
// it is closed.
func ExampleConn_NewWriter() {
	srv := &server.Server{Dispatch: conn.OnGoroutines} // where ReadFrom may wait for the client
	srv.OnMessage = func(c *conn.Conn, m conn.Message) {
		w, err := c.NewWriter(conn.Text)
		if err != nil {
			return
		}
		_ = c.SendText("that was all")
		_, _ = w.WriteString("you said: ")
		if _, err := w.ReadFrom(bytes.NewReader(m.Payload)); err != nil { // or from a file
			return // the connection is closing
		}
		_ = w.Close()
	}

	sim := servertest.New(1, srv)
	c := sim.Dial("/")
	c.SendText("hello")
	sim.Settle()
	fmt.Println(c.Next())
	fmt.Println(c.Next())
	fmt.Println(sim.Close())
	// Output:
	// you said: hello true
	// that was all true
	// <nil>
}

// News go to every client. They are encoded once, and compressed once for each set of
// parameters that clients have agreed on.
func ExamplePrepare() {
	srv := &server.Server{}
	sim := servertest.New(1, srv)
	ann, bob := sim.Dial("/"), sim.Dial("/")
	sim.Settle()

	news, err := conn.Prepare(conn.Message{Type: conn.Text, Payload: []byte("it rains")})
	if err != nil {
		fmt.Println(err)
		return
	}
	for c := range srv.Clients() {
		_ = c.SendPrepared(news)
	}

	sim.Settle()
	fmt.Println(ann.Next())
	fmt.Println(bob.Next())
	fmt.Println(sim.Close())
	// Output:
	// it rains true
	// it rains true
	// <nil>
}

// A program reads in a loop of its own, on the goroutine of OnConnection. The client is told what its
// messages add up to, and says goodbye.
func ExampleConn_Messages() {
	srv := &server.Server{Dispatch: conn.OnGoroutines}
	srv.OnConnection = func(c *conn.Conn) {
		letters := 0
		for m, err := range c.Messages(context.Background()) {
			if err != nil {
				fmt.Println(err) // it did not end with 1000, 1001 or no code
				return
			}
			letters += len(m.Payload)
			_ = c.SendText(fmt.Sprint(letters, " letters"))
		}
		fmt.Println("goodbye")
	}
	sim := servertest.New(1, srv)
	ann, ben := sim.Dial("/"), sim.Dial("/")
	ann.SendText("hello")
	ann.SendText("world")
	sim.Settle()
	fmt.Println(ann.Next())
	fmt.Println(ann.Next())
	ann.Close(frame.NormalClosure, "")
	sim.Settle()
	ben.Close(4001, "bored")
	sim.Settle()
	fmt.Println(sim.Close())
	// Output:
	// 5 letters true
	// 10 letters true
	// goodbye
	// closed by peer, sent 4001, received 4001, reason "bored"
	// <nil>
}
