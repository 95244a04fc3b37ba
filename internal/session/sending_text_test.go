package session

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/framerail/framerail/frame"
)

// waysToSend are all that send a whole text.
var waysToSend = map[string]func(c *Conn, t MessageType, s string) error{
	"Send":      func(c *Conn, t MessageType, s string) error { return c.Send(t, []byte(s)) },
	"SendKeyed": func(c *Conn, t MessageType, s string) error { return c.SendKeyed("key", t, []byte(s)) },
	"SendPlain": func(c *Conn, t MessageType, s string) error { return c.SendPlain(t, []byte(s)) },
	"SendWait":  func(c *Conn, t MessageType, s string) error { return c.SendWait(background, t, []byte(s)) },
	"Writer":    func(c *Conn, t MessageType, s string) error { return written(c.NewWriter(t))(s, (*Writer).WriteString) },
	"plain Writer": func(c *Conn, t MessageType, s string) error {
		return written(c.NewPlainWriter(t))(s, (*Writer).WriteString)
	},
	"Writer, byte by byte": func(c *Conn, t MessageType, s string) error {
		return written(c.NewWriter(t))(s, func(w *Writer, s string) (int, error) {
			for i := range len(s) {
				if _, err := w.Write([]byte{s[i]}); err != nil {
					return i, err
				}
				if err := w.Flush(); err != nil {
					return i, err
				}
			}
			return len(s), nil
		})
	},
	"Writer from a Reader": func(c *Conn, t MessageType, s string) error {
		return written(c.NewWriter(t))(s, func(w *Writer, s string) (int, error) {
			n, err := w.ReadFrom(iotest.OneByteReader(strings.NewReader(s)))
			return int(n), err
		})
	},
}

// written writes a message with a Writer and closes it or, if it cannot be, the connection.
func written(w *Writer, err error) func(s string, write func(*Writer, string) (int, error)) error {
	return func(s string, write func(*Writer, string) (int, error)) error {
		if err != nil {
			return err
		}
		if _, err = write(w, s); err == nil {
			err = w.Close()
		}
		if err != nil {
			_ = w.conn.Close(frame.GoingAway, "")
		}
		return err
	}
}

var notUTF8 = []string{"\xff", "abcdefgh\xc3", "\xed\xa0\x80", "\xc0\xaf", "ж\xd0", strings.Repeat("x", 5000) + "\x80"}

// RFC 6455 5.6 and 8.1: a peer fails a connection on which it gets such text.
func TestSend_TextThatIsNotUTF8Fails(t *testing.T) {
	for name, send := range waysToSend {
		for _, s := range notUTF8 {
			r := openRig(t, Config{})
			if err := send(r.c, Text, s); err != ErrNotUTF8 {
				t.Errorf("%s of %.20q: %v", name, s, err)
			}
			r.turn()
			for _, f := range r.sent() {
				if f.fin && f.op != frame.Close {
					t.Errorf("%s of %.20q sent %v", name, s, f)
				}
			}
		}
	}
	r := openRig(t, Config{})
	for name, err := range map[string]error{
		"SendText": r.c.SendText("\xff"),
		"Close":    r.c.Close(frame.NormalClosure, "\xff"),
	} {
		if err == nil {
			t.Errorf("%s has no error", name)
		}
	}
	r.turn()
	expect(t, "frames", len(r.sent()), 0)
	expect(t, "state", r.c.State(), Open)
}

// Bytes are not looked at, nor is text that the program vouches for, nor what was received.
func TestSend_WhatIsNotCheckedGoesOutAsItIs(t *testing.T) {
	for name, send := range waysToSend {
		for _, s := range notUTF8 {
			r := openRig(t, Config{})
			expect(t, name, send(r.c, Binary, s), nil)
			r.turn()
			frames := r.sent()
			if got := messagesOf(frames); len(got) != 1 || got[0] != s+"\n" || frames[0].op != Binary {
				t.Errorf("%s sent %.40q", name, got)
			}
		}
	}
	for _, s := range notUTF8 {
		for _, o := range []Outgoing{{}, {Key: "key"}, {Uncompressed: true}} {
			o.Type, o.Payload, o.Valid = Text, []byte(s), true
			r := openRig(t, Config{})
			expect(t, "SendAs", r.c.sendAs(o), nil)
			expect(t, "SendAsWait", r.c.SendAsWait(background, o), nil)
			r.turn()
			expect(t, "sent", fmt.Sprint(r.sent()), fmt.Sprint([]sentFrame{{Text, true, s}, {Text, true, s}}))
		}
	}
	r := openRig(t, Config{})
	expect(t, "SendMessage", r.c.SendMessage(Message{Text, []byte("\xff")}), nil)
	expect(t, "of bytes", r.c.SendMessage(Message{Binary, []byte("\xff")}), nil)
	expect(t, "of neither", r.c.SendMessage(Message{frame.Ping, nil}), ErrMessageType)
	r.turn()
	expect(t, "sent", fmt.Sprint(r.sent()), fmt.Sprint([]sentFrame{{Text, true, "\xff"}, {Binary, true, "\xff"}}))
}

// A Writer goes on behind what it did not take, and a character may be in two fragments.
func TestWriter_GoesOnBehindTextThatItDidNotTake(t *testing.T) {
	r := openRig(t, Config{MaxPending: 1000})
	w, _ := r.c.NewWriter(Text)
	_, err := w.WriteString("a\xd0")
	expect(t, "half a character", errors.Join(err, w.Flush()), nil)
	expect(t, "Close within it", w.Close(), ErrNotUTF8)
	n, err := w.WriteString("x")
	expect(t, "another", err, ErrNotUTF8)
	expect(t, "taken of it", n, 0)
	r.drain(0)
	long := "\xb6" + strings.Repeat("ж", 900)
	n, err = w.WriteString(long)
	expect(t, "too much", err, ErrPendingFull)
	r.drain(-1)
	for n < len(long) {
		var more int
		if more, err = w.WriteString(long[n:]); err != nil && err != ErrPendingFull {
			t.Fatal(err)
		}
		n += more
		r.drain(-1)
	}
	expect(t, "Close", w.Close(), nil)
	r.turn()
	if got := messagesOf(r.sent()); len(got) != 1 || got[0] != "a\xd0"+long+"\n" {
		t.Errorf("sent %q", got)
	}
}

// What checking costs: Send of text beside that of text that is known to be right.
func BenchmarkSendText(b *testing.B) {
	for _, alphabet := range []string{"a", "ж"} {
		for _, size := range []int{20, 125, 1 << 10, 16 << 10} {
			text := []byte(strings.Repeat(alphabet, size/len(alphabet)))
			for _, valid := range []bool{false, true} {
				b.Run(fmt.Sprintf("of=%s/size=%d/checked=%v", alphabet, size, !valid), func(b *testing.B) {
					r := openRig(b, Config{})
					b.SetBytes(int64(size))
					b.ReportAllocs()
					for range b.N {
						if err := r.c.sendAs(Outgoing{Type: Text, Payload: text, Valid: valid}); err != nil {
							b.Fatal(err)
						}
						if r.c.Pending() > 32<<10 {
							r.turn()
							r.wire.take()
						}
					}
				})
			}
		}
	}
}
