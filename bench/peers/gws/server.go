package gws

import (
	"bufio"
	"net"
	"net/http"
	"runtime"
	"sync"

	"github.com/lxzan/gws"

	"github.com/framerail/framerail/bench/peers/peer"
)

// NewServer follows "Quick Start" in the README of gws: its own Server, which reads requests
// without net/http's server. That takes less for a handshake. It gives no answer to a request
// that it does not like, and waits for ever for one that does not come. So it is in the
// row of handshakes alone. Messages are as with New.
func NewServer(o peer.Options) peer.Server {
	h, options := newHandler(o)
	s := &server{gws.NewServer(h, options), make(chan struct{}), sync.Once{}}
	s.OnError = func(c net.Conn, _ error) {
		if c != nil {
			_ = c.Close()
		}
	}
	s.OnRequest = func(c net.Conn, br *bufio.Reader, r *http.Request) {
		if socket, err := s.GetUpgrader().UpgradeFromConn(c, br, r); err == nil {
			go socket.ReadLoop()
		}
	}
	return s
}

type server struct {
	*gws.Server
	closed chan struct{}
	once   sync.Once
}

// Serve runs RunListener, which accepts for ever, on a goroutine that the listener ends.
func (s *server) Serve(ln net.Listener) error {
	var done sync.WaitGroup
	done.Go(func() { _ = s.RunListener(ending{ln, s.closed}) })
	<-s.closed
	err := ln.Close()
	done.Wait()
	return err
}

func (s *server) Close() error {
	s.once.Do(func() { close(s.closed) })
	return nil
}

// ending is a listener that ends the goroutine which accepts once it is closed.
type ending struct {
	net.Listener
	closed chan struct{}
}

func (e ending) Accept() (net.Conn, error) {
	c, err := e.Listener.Accept()
	select {
	case <-e.closed:
		runtime.Goexit()
	default:
	}
	return c, err
}

// Close leaves the listener to Serve.
func (ending) Close() error { return nil }
