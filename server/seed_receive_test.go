package server

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/framerail/framerail/conn"
	"github.com/framerail/framerail/frame"
)

func TestSeed_OnMessagePerClient(t *testing.T) {
	modes(t, func(t *testing.T, d conn.Dispatch) {
		s := start(t, &Server{Dispatch: d, OnMessage: echo, OnConnection: func(c *conn.Conn) {
			r, _ := c.Request()
			name := r.URL.Query().Get("name")
			if name == "" {
				return // the server's callback
			}
			c.OnMessage(func(c *conn.Conn, m conn.Message) {
				_ = c.SendText(name + ": " + m.String())
			})
		}})
		named := func(name string) *peer {
			p := dialRaw(t, s)
			p.send(strings.Replace(upgrade, "room=1", "name="+name, 1) + "\r\n" + masked(frame.Text, true, "first"))
			p.expectStatus(101)
			return p
		}
		for name, want := range map[string]string{"ann": "ann: first", "bob": "bob: first", "": "first"} {
			named(name).expectText(want)
		}
	})
}

func TestSeed_MessageIsAStream(t *testing.T) {
	modes(t, func(t *testing.T, d conn.Dispatch) {
		type result struct {
			typ  conn.MessageType
			got  []string
			errs []error
		}
		read := map[string]func(r *conn.Reader, res *result){
			"read n": func(r *conn.Reader, res *result) {
				b := make([]byte, 4)
				n, err := r.Read(b)
				res.got, res.errs = append(res.got, string(b[:n])), append(res.errs, err)
			},
			"read into": func(r *conn.Reader, res *result) {
				into := bytes.Repeat([]byte("."), 12)
				n, err := io.ReadFull(r, into[3:9])
				res.got, res.errs = append(res.got, fmt.Sprintf("%d %s", n, into)), append(res.errs, err)
			},
			"read exactly": func(r *conn.Reader, res *result) {
				b := make([]byte, 10)
				_, err := io.ReadFull(r, b)
				_, end := r.Read(b)
				res.got, res.errs = append(res.got, string(b)), append(res.errs, err, end)
			},
			"at the end": func(r *conn.Reader, res *result) {
				_, err := io.Copy(io.Discard, r)
				n, end := r.Read(make([]byte, 1))
				res.got, res.errs = append(res.got, fmt.Sprint(n)), append(res.errs, err, end)
			},
			"whole as bytes": func(r *conn.Reader, res *result) {
				b, err := r.ReadAll()
				res.got, res.errs = append(res.got, string(b)), append(res.errs, err)
			},
			"whole as text": func(r *conn.Reader, res *result) {
				read, err := r.ReadAll()
				s := string(read)
				res.got, res.errs = append(res.got, s), append(res.errs, err)
			},
			"nothing": func(*conn.Reader, *result) {},
		}
		results := make(chan result, 1)
		s := start(t, &Server{Dispatch: d, OnStream: func(c *conn.Conn, r *conn.Reader) {
			how := c.Value().(string)
			res := result{typ: r.Type()}
			read[how](r, &res)
			results <- res
		}, OnConnection: func(c *conn.Conn) {
			r, _ := c.Request()
			c.SetValue(r.Header.Get("How"))
		}})
		for how, want := range map[string]result{
			"read n":         {got: []string{"0123"}, errs: []error{nil}},
			"read into":      {got: []string{"6 ...012345..."}, errs: []error{nil}},
			"read exactly":   {got: []string{"0123456789"}, errs: []error{nil, io.EOF}},
			"at the end":     {got: []string{"0"}, errs: []error{nil, io.EOF}},
			"whole as bytes": {got: []string{"0123456789"}, errs: []error{nil}},
			"whole as text":  {got: []string{"0123456789"}, errs: []error{nil}},
			"nothing":        {},
		} {
			p := dial(t, s, "How: "+how)
			for _, typ := range []conn.MessageType{conn.Text, conn.Binary} {
				want.typ = typ
				p.send(masked(frame.Opcode(typ), false, "0123") + masked(frame.Continuation, false, "456") + masked(frame.Continuation, true, "789"))
				if got := receive(t, results); fmt.Sprint(got) != fmt.Sprint(want) {
					t.Errorf("%s: got %v, want %v", how, got, want)
				}
			}
			p.send(masked(frame.Ping, true, ""))
			p.expect(frame.Pong, "") // what was left unread is out of the way
		}
	})
}

func TestSeed_StreamIsReadWhileItArrives(t *testing.T) {
	modes(t, func(t *testing.T, d conn.Dispatch) {
		pieces := make(chan string, 1)
		s := start(t, &Server{Dispatch: d, OnStream: func(c *conn.Conn, r *conn.Reader) {
			b := make([]byte, 100)
			for {
				n, err := r.Read(b)
				if err != nil {
					pieces <- err.Error()
					return
				}
				pieces <- string(b[:n])
			}
		}})
		p := dial(t, s)
		whole := masked(frame.Text, true, "one frame in two pieces")
		p.send(whole[:10])
		if got := receive(t, pieces); got != "one " {
			t.Errorf("got %q before the rest was sent", got)
		}
		p.send(whole[10:])
		if got := receive(t, pieces); got != "frame in two pieces" {
			t.Errorf("got %q", got)
		}
		if got := receive(t, pieces); got != "EOF" {
			t.Errorf("got %q at the end", got)
		}
	})
}

func TestSeed_ReaderRaisesWhenCut(t *testing.T) {
	modes(t, func(t *testing.T, d conn.Dispatch) {
		for _, test := range []struct {
			name string
			cut  func(*peer)
			want func(error) bool
		}{
			{"connection", func(p *peer) { p.Close() }, func(err error) bool { return errors.Is(err, io.ErrUnexpectedEOF) }},
			{"close_frame", func(p *peer) { p.close(frame.NormalClosure, "") }, func(err error) bool { return errors.Is(err, io.ErrUnexpectedEOF) }},
			{"text", func(p *peer) { p.send(masked(frame.Continuation, false, "\xff")) }, func(err error) bool {
				var fault *frame.Error
				return errors.As(err, &fault) && fault.Code == frame.InvalidFramePayloadData
			}},
		} {
			t.Run(test.name, func(t *testing.T) {
				began, ended := make(chan string, 1), make(chan error, 1)
				s := start(t, &Server{Dispatch: d, OnStream: func(c *conn.Conn, r *conn.Reader) {
					b := make([]byte, 4)
					_, _ = io.ReadFull(r, b)
					began <- string(b)
					_, err := r.ReadAll()
					ended <- err
				}})
				p := dial(t, s)
				p.send(masked(frame.Text, false, "half"))
				if got := receive(t, began); got != "half" {
					t.Fatalf("got %q", got)
				}
				test.cut(p)
				if err := receive(t, ended); !test.want(err) {
					t.Errorf("the reader says %v", err)
				}
			})
		}
	})
}
