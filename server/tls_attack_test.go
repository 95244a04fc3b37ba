package server

import (
	"crypto/tls"
	"errors"
	"io"
	"net"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/framerail/framerail/conn"
	"github.com/framerail/framerail/frame"
	"github.com/framerail/framerail/internal/test/tlsrecords"
)

// A key update is answered with one, and the conversation goes on (RFC 8446 4.6.3).
func TestTLS_KeyUpdateIsFollowed(t *testing.T) {
	s := startTLS(t, &Server{OnMessage: echo})
	c := dialSealer(t, s)
	c.open()
	for _, answer := range []bool{false, true} {
		if err := c.write(c.KeyUpdate(answer), c.Seal(tlsrecords.Data, masked(frame.Text, true, "with a new key"))); err != nil {
			t.Fatal(err)
		}
		c.expectText("with a new key")
	}
}

// Key updates cost this side two keys and perhaps a record each, and the peer 27 bytes.
func TestTLS_FloodOfKeyUpdatesIsEnded(t *testing.T) {
	for name, between := range map[string]int{"nothing": 0, "one message": 1, "two messages": 2} {
		t.Run("with "+name+" between", func(t *testing.T) {
			infos := make(chan conn.CloseInfo, 1)
			s := startTLS(t, &Server{OnClose: func(_ *conn.Conn, info conn.CloseInfo) { infos <- info }})
			c := dialSealer(t, s)
			c.open()
			for range 100_000 {
				batch := c.KeyUpdate(true)
				for range between {
					batch = append(batch, c.Seal(tlsrecords.Data, masked(frame.Binary, true, ""))...)
				}
				if c.write(batch) != nil {
					break
				}
			}
			info := receive(t, infos)
			var op *net.OpError
			if !errors.As(info.Err, &op) || !strings.Contains(info.Err.Error(), "too many") {
				t.Errorf("ended with %v", info.Err)
			}
		})
	}
}

func TestTLS_RecordsThatAreTooLongAreRefused(t *testing.T) {
	infos := make(chan conn.CloseInfo, 1)
	s := startTLS(t, &Server{OnMessage: echo, OnClose: func(_ *conn.Conn, info conn.CloseInfo) { infos <- info }})
	c := dialSealer(t, s)
	c.open()
	c.data(masked(frame.Binary, true, strings.Repeat("x", 16<<10-8))) // just fits: RFC 8446 5.1
	c.expect(frame.Binary, strings.Repeat("x", 16<<10-8))
	c.data(strings.Repeat("x", 16<<10+1))
	var alert tls.AlertError
	if _, err := c.r.ReadByte(); !strings.Contains(err.Error(), "record overflow") {
		t.Errorf("the peer sees %v, %v", err, alert)
	}
	if info := receive(t, infos); !strings.Contains(info.Err.Error(), "record overflow") {
		t.Errorf("ended with %v", info.Err)
	}
}

// The end of a stream that was not announced may be anybody's doing (RFC 8446 6.1).
func TestTLS_TruncationIsReported(t *testing.T) {
	for _, test := range []struct {
		name string
		end  func(*sealer)
		want error
	}{
		{"between records", func(c *sealer) { c.under.(*net.TCPConn).CloseWrite() }, conn.ErrTruncated},
		{"within a record", func(c *sealer) {
			b := c.Seal(tlsrecords.Data, masked(frame.Text, true, "half"))
			_ = c.write(b[:20])
			c.under.(*net.TCPConn).CloseWrite()
		}, conn.ErrTruncated},
		{"close_notify", func(c *sealer) { _ = c.write(c.Seal(tlsrecords.Alert, tlsrecords.CloseNotify)) }, conn.ErrUnexpectedEOF},
	} {
		t.Run(test.name, func(t *testing.T) {
			infos := make(chan conn.CloseInfo, 1)
			s := startTLS(t, &Server{OnMessage: echo, OnClose: func(_ *conn.Conn, info conn.CloseInfo) { infos <- info }})
			c := dialSealer(t, s)
			c.open()
			c.data(masked(frame.Text, true, "before"))
			test.end(c)
			c.expectText("before") // what was asked is answered
			info := receive(t, infos)
			if info.Err != test.want || info.Received != frame.AbnormalClosure {
				t.Errorf("ended with %+v", info)
			}
			c.expectEOF() // this side's close_notify
		})
	}
}

// A request and its end in one segment, behind the end of the TLS handshake.
func TestTLS_EndBehindTheRequestIsSeen(t *testing.T) {
	infos := make(chan conn.CloseInfo, 1)
	s := startTLS(t, &Server{OnClose: func(_ *conn.Conn, info conn.CloseInfo) { infos <- info }})
	c := dialSealer(t, s)
	if err := c.write(c.Seal(tlsrecords.Data, upgrade+"\r\n"), c.Seal(tlsrecords.Alert, tlsrecords.CloseNotify)); err != nil {
		t.Fatal(err)
	}
	c.expectStatus(101)
	if info := receive(t, infos); info.Err != conn.ErrUnexpectedEOF {
		t.Errorf("ended with %+v", info)
	}
}

// A message that arrives as one byte for each record, one byte for each segment.
func TestTLS_OneByteAtATime(t *testing.T) {
	s := startTLS(t, &Server{OnMessage: echo})
	c := dialSealer(t, s)
	for _, b := range []byte(upgrade + "\r\n") {
		c.data(string([]byte{b}))
	}
	c.expectStatus(101)
	for i, b := range []byte(masked(frame.Text, true, "byte by byte")) {
		record := c.Seal(tlsrecords.Data, string([]byte{b}))
		for _, one := range record {
			if i%4 == 0 {
				time.Sleep(100 * time.Microsecond) // so that some arrive alone
			}
			if err := c.write([]byte{one}); err != nil {
				t.Fatal(err)
			}
		}
	}
	c.expectText("byte by byte")
}

// TLS 1.2's renegotiation (RFC 5246 7.4.1.1), and a second ClientHello in TLS 1.3, where
// there is none (RFC 8446 4.1.2): this side does neither, and nobody else notices.
func TestTLS_RenegotiationIsRefused(t *testing.T) {
	clientHello, helloRequest := string(hello()[5:]), "\x00\x00\x00\x00"
	versions(t, func(t *testing.T, version uint16) {
		infos := make(chan conn.CloseInfo, 2)
		s := startTLS(t, &Server{OnMessage: echo, OnClose: func(_ *conn.Conn, info conn.CloseInfo) { infos <- info }})
		other := dialTLS(t, s)
		for _, message := range []string{clientHello, helloRequest} {
			c := newSealerOf(t, dialRaw(t, s), version)
			c.open()
			c.data(masked(frame.Text, true, "before"))
			c.expectText("before")
			if err := c.write(c.Seal(tlsrecords.Handshake, message), c.Seal(tlsrecords.Data, masked(frame.Text, true, "behind"))); err != nil {
				t.Fatal(err)
			}
			info := receive(t, infos)
			if info.Received != frame.AbnormalClosure || !strings.Contains(info.Err.Error(), "unexpected") && !strings.Contains(info.Err.Error(), "no renegotiation") {
				t.Errorf("%.4x: ended with %+v", message, info)
			}
			_, _ = io.Copy(io.Discard, c.r) // to the end, which in TLS 1.2 may come behind a warning
		}
		other.alive()
		if n := s.Stats().TLS.Done; n != 3 {
			t.Errorf("%d TLS handshakes", n)
		}
	})
}

// expectFault checks that the peer's TLS ends with an alert.
func (c *sealer) expectFault() {
	c.t.Helper()
	_, err := io.Copy(io.Discard, c.r)
	if err == nil || !strings.Contains(err.Error(), "remote error: tls") && !errors.Is(err, syscall.ECONNRESET) {
		c.t.Errorf("the peer sees %v", err)
	}
}

func TestTLS_RecordsThatWereChangedEndTheConnection(t *testing.T) {
	infos := make(chan conn.CloseInfo, 1)
	s := startTLS(t, &Server{OnMessage: echo, OnClose: func(_ *conn.Conn, info conn.CloseInfo) { infos <- info }})
	c := dialSealer(t, s)
	c.open()
	record := c.Seal(tlsrecords.Data, masked(frame.Text, true, "changed"))
	record[10] ^= 1
	if err := c.write(record); err != nil {
		t.Fatal(err)
	}
	if info := receive(t, infos); info.Err == nil || !strings.Contains(info.Err.Error(), "bad record MAC") {
		t.Errorf("ended with %v", info.Err)
	}
	c.expectFault()
}

// A peer that stalls in the middle of a record is a silent one.
func TestTLS_StallWithinARecordIsSilence(t *testing.T) {
	parallel(t)
	infos := make(chan conn.CloseInfo, 1)
	s := startTLS(t, &Server{
		OnMessage: echo, Limits: Limits{Limits: conn.Limits{IdleTimeout: 2 * time.Second}},
		OnClose: func(_ *conn.Conn, info conn.CloseInfo) { infos <- info },
	})
	c := dialSealer(t, s)
	c.open()
	record := c.Seal(tlsrecords.Data, masked(frame.Text, true, "never whole"))
	if err := c.write(record[:len(record)/2]); err != nil {
		t.Fatal(err)
	}
	if info := receive(t, infos); info.Err != conn.ErrIdle {
		t.Errorf("ended with %v", info.Err)
	}
}
