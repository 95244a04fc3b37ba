package xconnect_test // one that imports net/http must not be the package itself

import (
	"encoding/binary"
	"io"
	"net"
	"net/http"
	"testing"
	"time"

	_ "github.com/framerail/framerail/server/xconnect"
)

// enableConnect is the number of SETTINGS_ENABLE_CONNECT_PROTOCOL (RFC 8441 9.1).
const enableConnect = 0x8

// net/http announces extended CONNECT in this very program, in which nothing else sets it.
func TestImport_HasNetHTTPAnnounceIt(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	srv := &http.Server{Protocols: new(http.Protocols)}
	srv.Protocols.SetUnencryptedHTTP2(true)
	done := make(chan error, 1)
	go func() { done <- srv.Serve(ln) }()
	defer func() {
		_ = srv.Close()
		<-done
	}()
	c, err := net.Dial("tcp", ln.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	_ = c.SetDeadline(time.Now().Add(time.Minute))
	// RFC 9113 3.4: the client's preface ends with a SETTINGS frame, which may be empty.
	if _, err := io.WriteString(c, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\x00\x00\x00\x04\x00\x00\x00\x00\x00"); err != nil {
		t.Fatal(err)
	}
	var head [9]byte
	if _, err := io.ReadFull(c, head[:]); err != nil || head[3] != 0x4 {
		t.Fatalf("the server's preface begins with % x, %v", head, err)
	}
	settings := make([]byte, int(head[0])<<16|int(head[1])<<8|int(head[2]))
	if _, err := io.ReadFull(c, settings); err != nil {
		t.Fatal(err)
	}
	for ; len(settings) >= 6; settings = settings[6:] {
		if binary.BigEndian.Uint16(settings) == enableConnect && binary.BigEndian.Uint32(settings[2:]) == 1 {
			return
		}
	}
	t.Error("it is not announced")
}
