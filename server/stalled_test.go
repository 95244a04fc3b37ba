package server

import (
	"context"
	"errors"
	"io"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/framerail/framerail/conn"
	"github.com/framerail/framerail/internal/nethttp"
)

const brief = 150 * time.Millisecond

// flood is an answer that no socket takes whole.
var flood = strings.Repeat("a line that nobody reads\n", 1<<20)

// onceOver is a handler that tells how reading and writing has ended for it.
func onceOver(ended chan<- error, f func(w http.ResponseWriter, r *http.Request) error) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) { ended <- f(w, r) }
}

func writeFlood(w http.ResponseWriter, _ *http.Request) error {
	_, err := io.WriteString(w, flood)
	return err
}

func readAll(w http.ResponseWriter, r *http.Request) error {
	_, err := io.Copy(io.Discard, r.Body)
	if err != nil {
		w.WriteHeader(http.StatusRequestTimeout)
	}
	return err
}

// A client that does not read is cut once the socket has taken nothing for WriteTimeout. Its place is free
// then, whatever the Handler does.
func TestHandler_WriteTimeoutCutsAClientThatDoesNotRead(t *testing.T) {
	parallel(t)
	plainAndTLS(t, func(t *testing.T, begin func(testing.TB, *Server) *Server, dial func(testing.TB, *Server) *peer) {
		parallel(t)
		var log journal
		ended := make(chan error, 1)
		s := handled(onceOver(ended, writeFlood))
		s.Limits = Limits{Limits: conn.Limits{WriteTimeout: brief}, MaxConnections: 1}
		s.Logger = log.logger()
		begin(t, s)
		p := dial(t, s)
		p.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
		if err := receive(t, ended); err == nil {
			t.Error("all was written")
		}
		s.run.nobody(t)
		eventually(t, "it to be counted", func() bool { return s.Stats().Stalled == 1 })
		log.expect(t, "its client does not read")
		p.expectReset()
	})
}

// expectReset reads to the end, which is a reset: the system holds nothing for it any more.
func (p *peer) expectReset() {
	p.t.Helper()
	if _, err := io.Copy(io.Discard, p.r); err == nil || errors.Is(err, os.ErrDeadlineExceeded) {
		p.t.Errorf("ended with %v, want a reset", err)
	}
}

// A client that reads slowly is not cut, however long the answer takes.
func TestHandler_WriteTimeoutSparesASlowReader(t *testing.T) {
	parallel(t)
	plainAndTLS(t, func(t *testing.T, begin func(testing.TB, *Server) *Server, dial func(testing.TB, *Server) *peer) {
		parallel(t)
		const limit = 6 * time.Second
		ended := make(chan error, 1)
		s := handled(onceOver(ended, func(w http.ResponseWriter, _ *http.Request) error {
			_, err := io.WriteString(w, flood[:8<<20])
			return err
		}))
		s.Limits = Limits{Limits: conn.Limits{WriteTimeout: limit}}
		s.TCP.SendBuffer = 64 << 10
		begin(t, s)
		p := dial(t, s)
		p.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
		piece := make([]byte, 1<<20)
		for start := time.Now(); time.Since(start) < limit*3/2; time.Sleep(limit / 8) {
			if _, err := io.ReadFull(p.r, piece[:256<<10]); err != nil {
				t.Fatal(err)
			}
		}
		_, _ = io.ReadFull(p.r, piece)
		go io.Copy(io.Discard, p.r)
		if err := within(t, "the Handler", func() error { return <-ended }); err != nil {
			t.Errorf("was cut: %v", err)
		}
	})
}

// A client that sends no content is given up after BodyTimeout. The Handler sees it, and may answer. Nothing
// that comes later is taken for a request.
func TestHandler_BodyTimeoutEndsARequestThatStops(t *testing.T) {
	parallel(t)
	plainAndTLS(t, func(t *testing.T, begin func(testing.TB, *Server) *Server, dial func(testing.TB, *Server) *peer) {
		parallel(t)
		ended := make(chan error, 1)
		s := handled(onceOver(ended, readAll))
		s.Limits = Limits{BodyTimeout: brief, MaxConnections: 1}
		begin(t, s)
		for name, head := range map[string]string{
			"none":    "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\n",
			"some":    "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\nsome",
			"chunked": "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n",
		} {
			p := dial(t, s)
			p.send(head)
			if err := receive(t, ended); !errors.Is(err, os.ErrDeadlineExceeded) {
				t.Errorf("%s: the Handler got %v", name, err)
			}
			if resp := p.expectStatus(http.StatusRequestTimeout); !resp.Close {
				t.Errorf("%s: the connection is kept", name)
			}
			p.expectEOF()
			s.run.nobody(t)
		}
		if n := s.Stats().Stalled; n != 3 {
			t.Errorf("%d counted, want 3", n)
		}
	})
}

// The Handler need not read: net/http does, before and behind its answer.
func TestHandler_BodyTimeoutHoldsWhenTheHandlerDoesNotRead(t *testing.T) {
	parallel(t)
	for name, answer := range map[string]func(http.ResponseWriter, *http.Request){
		"nothing": func(http.ResponseWriter, *http.Request) {},
		"flushed": func(w http.ResponseWriter, _ *http.Request) { _ = http.NewResponseController(w).Flush() },
	} {
		t.Run(name, func(t *testing.T) {
			s := handled(answer)
			s.Limits = Limits{BodyTimeout: brief, MaxConnections: 1}
			start(t, s)
			p := dialRaw(t, s)
			p.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\nsome")
			p.expectStatus(200).Body.Close()
			s.run.nobody(t)
		})
	}
}

// Content that comes slowly, but comes, is not cut; nor is a request without content, or one
// whose content has come, however long its answer takes.
func TestHandler_BodyTimeoutSparesWhatGoesOn(t *testing.T) {
	parallel(t)
	plainAndTLS(t, func(t *testing.T, begin func(testing.TB, *Server) *Server, dial func(testing.TB, *Server) *peer) {
		parallel(t)
		const limit = 6 * time.Second
		ended := make(chan error, 2)
		s := handled(onceOver(ended, func(w http.ResponseWriter, r *http.Request) error {
			if err := readAll(w, r); err != nil {
				return err
			}
			select {
			case <-r.Context().Done():
				return context.Cause(r.Context())
			case <-time.After(limit * 3 / 2): // a long poll
				return nil
			}
		}))
		s.Limits = Limits{BodyTimeout: limit}
		begin(t, s)
		p := dial(t, s)
		p.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 12\r\n\r\n")
		for range 12 {
			time.Sleep(limit / 8)
			p.send("x")
		}
		p.expectBody("")
		p.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
		p.expectBody("")
		for range 2 {
			if err := receive(t, ended); err != nil {
				t.Error(err)
			}
		}
		p.handshake()
		p.alive()
	})
}

// A deadline of the Handler's own stands in place of the limits, for its request alone.
func TestHandler_SetsItsOwnDeadlines(t *testing.T) {
	parallel(t)
	plainAndTLS(t, func(t *testing.T, begin func(testing.TB, *Server) *Server, dial func(testing.TB, *Server) *peer) {
		parallel(t)
		ended := make(chan error, 1)
		mux := http.NewServeMux()
		handle := func(path string, f func(c *http.ResponseController, w http.ResponseWriter, r *http.Request) error) {
			mux.Handle(path, onceOver(ended, func(w http.ResponseWriter, r *http.Request) error {
				return f(http.NewResponseController(w), w, r)
			}))
		}
		handle("/patient", func(c *http.ResponseController, w http.ResponseWriter, r *http.Request) error {
			return errors.Join(c.SetReadDeadline(time.Time{}), c.SetWriteDeadline(time.Time{}), readAll(w, r), writeFlood(w, r))
		})
		handle("/usual", func(_ *http.ResponseController, w http.ResponseWriter, r *http.Request) error { return readAll(w, r) })
		handle("/soon", func(c *http.ResponseController, w http.ResponseWriter, r *http.Request) error {
			return errors.Join(c.SetReadDeadline(time.Now().Add(brief)), readAll(w, r))
		})
		const limit = 5 * time.Second // by then a busy machine has called the Handler
		s := &Server{Handler: mux, Limits: Limits{BodyTimeout: limit, Limits: conn.Limits{WriteTimeout: limit}}}
		begin(t, s)

		p := dial(t, s)
		p.send("POST /patient HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\n")
		time.Sleep(2 * limit)
		p.send("x")
		time.Sleep(2 * limit)
		p.anew().expectBody(flood)
		if err := receive(t, ended); err != nil {
			t.Errorf("without a deadline: %v", err)
		}
		p.send("POST /usual HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\n")
		if err := receive(t, ended); !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("the request after that: %v", err)
		}
		if n := s.Stats().Stalled; n != 1 {
			t.Errorf("%d stalled, want 1", n)
		}

		p = dial(t, s)
		p.send("POST /soon HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\n")
		if err := receive(t, ended); !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("with an early deadline: %v", err)
		}
		if n := s.Stats().Stalled; n != 1 {
			t.Errorf("the Handler's own deadline was counted")
		}
	})
}

// Negative limits are none.
func TestHandler_NegativeTimeoutsWaitForEver(t *testing.T) {
	ended := make(chan error, 1)
	s := handled(onceOver(ended, readAll))
	s.Limits = Limits{BodyTimeout: -1, Limits: conn.Limits{WriteTimeout: -1, MaxLifetime: -1}}
	start(t, s)
	p := dialRaw(t, s)
	p.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\n")
	time.Sleep(brief)
	p.send("x")
	p.expectBody("")
	if err := receive(t, ended); err != nil {
		t.Error(err)
	}
}

// Shutdown waits for a stalled client no longer than for a closing handshake.
func TestHandler_ShutdownIsNotHeldUpByClientsThatStandStill(t *testing.T) {
	parallel(t)
	plainAndTLS(t, func(t *testing.T, begin func(testing.TB, *Server) *Server, dial func(testing.TB, *Server) *peer) {
		parallel(t)
		for name, limit := range map[string]time.Duration{"default": 0, "never": -1} {
			t.Run(name, func(t *testing.T) {
				parallel(t)
				began, ended := make(chan bool, 2), make(chan error, 2)
				s := handled(onceOver(ended, func(w http.ResponseWriter, r *http.Request) error {
					began <- true
					return errors.Join(readAll(w, r), writeFlood(w, r))
				}))
				s.Limits = Limits{Limits: conn.Limits{CloseTimeout: brief, WriteTimeout: limit}, BodyTimeout: limit}
				begin(t, s)
				dial(t, s).send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
				dial(t, s).send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\n")
				receive(t, began)
				receive(t, began)
				ctx, cancel := context.WithTimeout(context.Background(), 15*time.Second)
				defer cancel()
				if err := drain(s, ctx); err != nil {
					t.Errorf("Shutdown: %v", err)
				}
				for range 2 {
					if err := receive(t, ended); err == nil {
						t.Error("a request came to a good end")
					}
				}
			})
		}
	})
}

// MaxLifetime ends an idle connection, and one whose request goes on for ever.
func TestHandler_MaxLifetimeHoldsThereToo(t *testing.T) {
	parallel(t)
	plainAndTLS(t, func(t *testing.T, begin func(testing.TB, *Server) *Server, dial func(testing.TB, *Server) *peer) {
		parallel(t)
		release := make(chan bool)
		defer close(release)
		ended := make(chan error, 1)
		mux := http.NewServeMux()
		mux.HandleFunc("/", describe)
		mux.Handle("/stream", onceOver(ended, func(w http.ResponseWriter, r *http.Request) error {
			for {
				if _, err := io.WriteString(w, "event\n"); err != nil {
					return err
				}
				_ = http.NewResponseController(w).Flush()
				select {
				case <-r.Context().Done():
					return context.Cause(r.Context())
				case <-time.After(10 * time.Millisecond):
				}
			}
		}))
		mux.HandleFunc("/deaf", func(http.ResponseWriter, *http.Request) { <-release })
		s := &Server{Handler: mux, Limits: Limits{Limits: conn.Limits{MaxLifetime: 10 * time.Second, CloseTimeout: 10 * time.Second}, MaxConnections: 3}}
		begin(t, s)

		idle, stream, deaf := dial(t, s), dial(t, s), dial(t, s)
		idle.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
		idle.expectBody("GET / HTTP/1.1  <nil>")
		stream.send("GET /stream HTTP/1.1\r\nHost: a\r\n\r\n")
		deaf.send("GET /deaf HTTP/1.1\r\nHost: a\r\n\r\n")

		idle.expectEOF()
		if _, err := io.ReadAll(stream.expectStatus(200).Body); err != nil {
			t.Errorf("the stream's end: %v", err) // which the Handler could bring about
		}
		stream.expectEOF()
		if err := receive(t, ended); !errors.Is(err, nethttp.ErrLifetime) {
			t.Errorf("the context ended with %v", err)
		}
		deaf.expectGone()
		s.run.nobody(t)
		if n := s.Stats().Expired; n != 3 {
			t.Errorf("%d expired, want 3", n)
		}
	})
}

// What a Handler has hijacked is its own: no limit holds there any more.
func TestHandler_HijackedConnectionsHaveNoLimits(t *testing.T) {
	parallel(t)
	plainAndTLS(t, func(t *testing.T, begin func(testing.TB, *Server) *Server, dial func(testing.TB, *Server) *peer) {
		parallel(t)
		s := handled(func(w http.ResponseWriter, r *http.Request) {
			c, _, err := http.NewResponseController(w).Hijack()
			if err != nil {
				t.Error(err)
				return
			}
			go func() {
				defer c.Close()
				_, _ = io.Copy(c, c)
			}()
		})
		const limit = 5 * time.Second // by then a busy machine has called the Handler
		s.Limits = Limits{BodyTimeout: limit, Limits: conn.Limits{WriteTimeout: limit, MaxLifetime: limit, CloseTimeout: limit}}
		begin(t, s)
		p := dial(t, s)
		p.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
		time.Sleep(2 * limit)
		p.send("still there\n")
		if line, err := p.r.ReadString('\n'); err != nil || line != "still there\n" {
			t.Errorf("got %q, %v", line, err)
		}
		p.Close()
		s.run.nobody(t)
	})
}

// A connection that is upgraded in a Handler has the limits of the loop alone.
func TestHandler_UpgradedConnectionsAreTheLoops(t *testing.T) {
	parallel(t)
	plainAndTLS(t, func(t *testing.T, begin func(testing.TB, *Server) *Server, dial func(testing.TB, *Server) *peer) {
		parallel(t)
		s := handled(describe)
		s.Limits = Limits{BodyTimeout: brief, Limits: conn.Limits{WriteTimeout: brief, MaxLifetime: time.Minute}}
		begin(t, s)
		p := dial(t, s)
		p.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello")
		p.expectBody("POST / HTTP/1.1 hello <nil>")
		p.handshake()
		time.Sleep(3 * brief)
		p.alive()
	})
}

// TLS's farewell to a client that has not read what a Handler has written in time has no longer
// than WriteTimeout: net/http says it while the Handler waits.
func TestHandler_WriteTimeoutHoldsForTheFarewell(t *testing.T) {
	parallel(t)
	ended := make(chan error, 1)
	s := handled(onceOver(ended, func(w http.ResponseWriter, r *http.Request) (err error) {
		below := nethttp.Of(r).Socket()
		for n := len(flood); err == nil || n > 1; n = max(n/8, 1) { // full, to the last byte
			_ = below.SetWriteDeadline(time.Now().Add(brief / 5))
			_, err = io.WriteString(below, flood[:n])
		}
		_ = http.NewResponseController(w).SetWriteDeadline(time.Now().Add(brief))
		begin := time.Now()
		err = writeFlood(w, r)
		if took := time.Since(begin); took > 4*time.Second { // TLS's own deadline is 5 s
			t.Errorf("the Handler waited for %v", took)
		}
		return err
	}))
	s.Limits.WriteTimeout = brief
	startTLS(t, s)
	p := secured(t, s, trusting())
	p.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
	if err := receive(t, ended); err == nil {
		t.Error("all was written")
	}
	s.run.nobody(t)
}
