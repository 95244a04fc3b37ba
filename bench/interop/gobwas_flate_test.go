package interop

import (
	"fmt"
	"io"
	"net"
	"sync"
	"testing"

	"github.com/gobwas/ws"
	"github.com/gobwas/ws/wsflate"

	framerail "github.com/framerail/framerail/client"
)

// framerail's client talks to a server of gobwas's that compresses. There compression is a program's to do, with
// package wsflate, which has no context takeover.
func TestDialling_GobwasCompresses(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var served sync.WaitGroup
	served.Go(func() {
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			served.Go(func() {
				defer c.Close()
				_ = echoFlate(c) // the client tells how it went
			})
		}
	})
	t.Cleanup(func() {
		ln.Close()
		served.Wait()
	})
	for name, deflate := range map[string]framerail.Deflate{
		"takeover": {Enabled: true, ServerTakeover: true, ClientTakeover: true},
		"alone":    {Enabled: true},
	} {
		t.Run(name, func(t *testing.T) {
			d := dialFramerail(t, "ws://"+ln.Addr().String()+"/", deflate)
			if agreed, ok := d.Deflate(); !ok || !agreed.ServerNoContextTakeover || !agreed.ClientNoContextTakeover {
				t.Errorf("compression: %v, %v", agreed, ok)
			}
			converse(t, d, diallingSizes)
			if err := d.close(4001, "from the client"); err != nil || !d.info.Clean() || d.info.Received != 4001 {
				t.Errorf("it ended with %v, %v", d.info, err)
			}
		})
	}
}

// echoFlate sends back whatever comes, compressed, until a Close frame.
func echoFlate(c net.Conn) error {
	e := wsflate.Extension{Parameters: wsflate.DefaultParameters}
	u := ws.Upgrader{Negotiate: e.Negotiate}
	if _, err := u.Upgrade(c); err != nil {
		return err
	}
	var whole ws.Frame // of the fragments that have come
	for {
		f, err := readFrame(c)
		if err != nil {
			return err
		}
		switch f.Header.OpCode {
		case ws.OpClose:
			return ws.WriteFrame(c, ws.NewCloseFrame(f.Payload))
		case ws.OpPing:
			f = ws.NewPongFrame(f.Payload)
		case ws.OpContinuation:
			whole.Payload = append(whole.Payload, f.Payload...)
		default:
			whole = f
		}
		if f.Header.OpCode.IsData() || f.Header.OpCode == ws.OpContinuation {
			if !f.Header.Fin {
				continue
			}
			whole.Header.Fin = true
			if f, err = echoOfFlate(whole); err != nil {
				return err
			}
		}
		if err := ws.WriteFrame(c, f); err != nil {
			return err
		}
	}
}

// readFrame reads a frame of at most 4 MiB.
func readFrame(c net.Conn) (f ws.Frame, err error) {
	if f.Header, err = ws.ReadHeader(c); err != nil {
		return f, err
	}
	if f.Header.Length > 4<<20 {
		return f, fmt.Errorf("a frame of %d bytes", f.Header.Length)
	}
	f.Payload = make([]byte, f.Header.Length)
	if _, err := io.ReadFull(c, f.Payload); err != nil {
		return f, err
	}
	return ws.UnmaskFrameInPlace(f), nil
}

func echoOfFlate(f ws.Frame) (ws.Frame, error) {
	if compressed, err := wsflate.IsCompressed(f.Header); err != nil {
		return f, err
	} else if compressed {
		if f, err = wsflate.DecompressFrame(f); err != nil {
			return f, err
		}
	}
	return wsflate.CompressFrame(ws.NewFrame(f.Header.OpCode, true, f.Payload))
}
