package server

import (
	"bytes"
	"context"
	"crypto/tls"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"

	"github.com/framerail/framerail/conn"
	"github.com/framerail/framerail/frame"
	"github.com/framerail/framerail/internal/platform"
	"github.com/framerail/framerail/internal/relay"
	"github.com/framerail/framerail/internal/secure"
	"github.com/framerail/framerail/internal/test/tlsrecords"
	"github.com/framerail/framerail/internal/transport"
)

// below is a connection's transport.
func below(c *conn.Conn) transport.Transport { return onItsLoop(c).Below() }

func TestUpgradeListener_MovesToTheLoopWhatItKnows(t *testing.T) {
	config := &tls.Config{Certificates: []tls.Certificate{exampleCertificate()}}
	for _, test := range []struct {
		name   string
		listen func(net.Listener) net.Listener
		want   string
	}{
		{"TLS", func(ln net.Listener) net.Listener { return tls.NewListener(UpgradeListener(ln), config) }, "TLS"},
		{"plain", UpgradeListener, "socket"},
		{"TLS over another type", func(ln net.Listener) net.Listener {
			return tls.NewListener(UpgradeListener(oddListener{ln}), config)
		}, "relay"},
		{"TLS over a wrapper", func(ln net.Listener) net.Listener {
			return tls.NewListener(veiledListener{UpgradeListener(ln)}, config)
		}, "relay"},
		{"TLS by itself", func(ln net.Listener) net.Listener { return tls.NewListener(ln, config) }, "relay"},
	} {
		t.Run(test.name, func(t *testing.T) {
			got := make(chan string, 1)
			s := &Server{OnMessage: echo, OnConnection: func(c *conn.Conn) {
				switch below(c).(type) {
				case *platform.Socket:
					got <- "socket"
				case *secure.Transport:
					got <- "TLS"
				case *relay.Conn:
					got <- "relay"
				}
			}}
			web := serveWebOn(t, s, upgrades(s, nil), func() (net.Listener, error) {
				ln, err := net.Listen("tcp", "127.0.0.1:0")
				return test.listen(ln), err
			})
			p := web.dialRaw(t)
			if test.name != "plain" {
				p = web.dialTLS(t)
			}
			p.handshake()
			p.alive()
			if !platform.Native && test.want == "socket" {
				test.want = "relay"
			}
			if way := receive(t, got); way != test.want {
				t.Errorf("it is a %s, want a %s", way, test.want)
			}
		})
	}
}

// veiled is a connection with something between it and its user.
type veiled struct{ net.Conn }

type veiledListener struct{ net.Listener }

func (l veiledListener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	return veiled{c}, err
}

// What is with crypto/tls when the connection moves comes first: data of a record that
// net/http has read in part, and the beginning of one that has not come whole.
func TestUpgradeListener_KeepsWhatCryptoTLSHas(t *testing.T) {
	modes(t, func(t *testing.T, d conn.Dispatch) {
		s := &Server{OnMessage: echo, Dispatch: d}
		web := serveWebOn(t, s, upgrades(s, nil), listenMovably)
		c := newSealer(t, web.dialRaw(t))
		long := strings.Repeat("y", 12_000)
		first := c.Seal(tlsrecords.Data, with("A: b")+masked(frame.Text, true, long))
		second := c.Seal(tlsrecords.Data, masked(frame.Text, true, "in two parts"))
		if err := c.write(first, second[:11]); err != nil {
			t.Fatal(err)
		}
		c.expectStatus(101)
		c.expectText(long)
		if err := c.write(second[11:]); err != nil {
			t.Fatal(err)
		}
		c.expectText("in two parts")
	})
}

func TestUpgradeListener_EveryVersionAndPiecesOfAnySize(t *testing.T) {
	versions(t, func(t *testing.T, version uint16) {
		s := &Server{OnMessage: echo}
		web := serveWebOn(t, s, upgrades(s, nil), listenMovably)
		p := web.dialRaw(t)
		config := trusting()
		config.MinVersion, config.MaxVersion = version, version
		over := tls.Client(p.Conn, config)
		p.Conn = over
		p.r.Reset(over)
		p.drip(with("A: b"))
		p.expectStatus(101)
		for _, n := range []int{0, 1, 1000, 20_000, 200_000} {
			text := strings.Repeat("x", n)
			p.text(text)
			p.expectText(text)
		}
		p.drip(masked(frame.Text, true, "byte by byte"))
		p.expectText("byte by byte")
		p.close(1000, "")
		p.expectClose(1000)
		p.expectEOF()
	})
}

// The bound on records without data holds for a connection that has moved, too.
func TestUpgradeListener_AFloodOfKeyUpdatesIsCut(t *testing.T) {
	closed := make(chan conn.CloseInfo, 1)
	s := &Server{OnClose: func(_ *conn.Conn, info conn.CloseInfo) { closed <- info }}
	web := serveWebOn(t, s, upgrades(s, nil), listenMovably)
	c := newSealer(t, web.dialRaw(t))
	c.data(with("A: b"))
	c.expectStatus(101)
	for range 100_000 { // between data, as crypto/tls counts only those in a row
		if c.write(c.KeyUpdate(false), c.KeyUpdate(false), c.Seal(tlsrecords.Data, masked(frame.Binary, true, ""))) != nil {
			break
		}
	}
	if info := receive(t, closed); info.Err == nil || !strings.Contains(info.Err.Error(), "records without data") {
		t.Errorf("ended with %v", info.Err)
	}
}

// Of what net/http had for the connection nothing is left but the loop's descriptor.
func TestUpgradeListener_NetHTTPKeepsNothing(t *testing.T) {
	onlyNative(t, "each has a goroutine")
	s := &Server{OnMessage: echo}
	prepare(s)
	defer s.Close()
	if _, err := s.runUpgrades(); err != nil {
		t.Fatal(err)
	}
	before := census(t)
	ln, err := listenMovably()
	if err != nil {
		t.Fatal(err)
	}
	hs := &http.Server{Handler: upgrades(s, nil)}
	served := make(chan error, 1)
	go func() { served <- hs.Serve(ln) }()
	p := (&web{s, ln}).dialTLS(t)
	p.handshake()
	p.alive()
	if err := hs.Shutdown(context.Background()); err != nil {
		t.Errorf("net/http waits for it: %v", err)
	}
	<-served
	before.descriptors += 2 // the loop's and the peer's
	if now, ok := before.comesBack(t); !ok {
		t.Errorf("%v, want %v\n%s", now, before, stacks())
	}
	p.alive()
}

// HTTP/2 goes on beside it, and a client that wants a WebSocket chooses HTTP/1.1.
func TestUpgradeListener_BesideHTTP2(t *testing.T) {
	s := &Server{OnMessage: echo}
	prepare(s)
	defer s.Close()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	mux := http.NewServeMux()
	mux.Handle("/chat", upgrades(s, nil))
	mux.HandleFunc("/page", func(w http.ResponseWriter, r *http.Request) { _, _ = io.WriteString(w, r.Proto) })
	hs := &http.Server{Handler: mux}
	certFile, keyFile := certificateFiles(t)
	served := make(chan error, 1)
	go func() { served <- hs.ServeTLS(UpgradeListener(ln), certFile, keyFile) }()
	defer func() { _ = hs.Close(); <-served }()

	transport := &http.Transport{TLSClientConfig: trusting(), ForceAttemptHTTP2: true}
	defer transport.CloseIdleConnections()
	client := &http.Client{Transport: transport, Timeout: peerPatience}
	get := func(path string) (int, string) {
		resp, err := client.Get("https://" + ln.Addr().String() + path)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		b, err := io.ReadAll(resp.Body)
		if err != nil {
			t.Error(err)
		}
		return resp.StatusCode, string(bytes.TrimSpace(b))
	}
	if _, proto := get("/page"); proto != "HTTP/2.0" {
		t.Errorf("the page came by %s", proto)
	}
	if status, _ := get("/chat"); status < 400 {
		t.Errorf("a WebSocket by HTTP/2: %d", status)
	}
	w := &web{s, ln}
	p := w.dialTLS(t)
	p.send("GET /page HTTP/1.1\r\nHost: a\r\n\r\n")
	p.expectBody("HTTP/1.1")
	p.handshake() // behind it on the same connection
	p.alive()
}
