package http2

import (
	"bufio"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"log/slog"
	"net"
	"net/http"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gorilla/handlers"

	"github.com/framerail/framerail/bench/internal/self"
	"github.com/framerail/framerail/conn"
	"github.com/framerail/framerail/internal/test/testcert"
	"github.com/framerail/framerail/server"
)

func TestMain(m *testing.M) { self.Main(m, program) }

// timeout is the http.Server's for reading a request and for writing an answer, which a WebSocket must outlive. It is
// set where timed is in the environment: it holds for TLS handshakes too, which take long on a busy machine.
const timeout = 4 * time.Second

// timed is in the environment of a server that has a timeout.
const timed = "FRAMERAIL_TEST_TIMED=1"

// stall is the WriteTimeout of /impatient.
const stall = 500 * time.Millisecond

// service is the program that is tested.
type service struct {
	ws     *server.Server
	unheld chan struct{} // closed when callbacks of /slow may return

	mu      sync.Mutex
	clients map[string]bool // addresses of connections of HTTP/2
}

// program serves until its standard input ends. Its first line has its address and its certificate.
func program() {
	s := &service{
		ws: &server.Server{
			OnMessage: func(c *conn.Conn, m conn.Message) { _ = c.SendMessage(m) },
			Deflate:   server.Deflate{Enabled: true}, Subprotocols: []string{"chat"},
			Dispatch: conn.OnGoroutines,
			Logger:   slog.New(slog.DiscardHandler),
		},
		unheld: make(chan struct{}), clients: map[string]bool{},
	}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		log.Fatal(err)
	}
	web := &http.Server{
		Handler: s.handler(), TLSConfig: testcert.Config().Clone(),
		// So that one stream which is not read does not take the window of all.
		HTTP2: &http.HTTP2Config{MaxReceiveBufferPerStream: 64 << 10, MaxReceiveBufferPerConnection: 1 << 20},
	}
	if slices.Contains(os.Environ(), timed) {
		web.ReadTimeout, web.WriteTimeout = timeout, timeout
	}
	go func() { log.Fatal(web.ServeTLS(ln, "", "")) }()
	fmt.Println(ln.Addr(), base64.StdEncoding.EncodeToString(testcert.Config().Certificates[0].Certificate[0]))
	for lines := bufio.NewScanner(os.Stdin); lines.Scan(); {
		s.answer(lines.Text())
	}
}

// answer does what a test asks for in a line, and answers in one.
func (s *service) answer(line string) {
	switch line {
	case "stats":
		b, err := json.Marshal(s.ws.Stats())
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(string(b))
	case "clients":
		s.mu.Lock()
		fmt.Println(len(s.clients))
		s.mu.Unlock()
	case "release":
		close(s.unheld)
		fmt.Println("released")
	case "shutdown":
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		drained, err := s.ws.Shutdown(ctx)
		fmt.Printf("%d clean, %d forced, %v\n", drained.Clean, drained.Forced, err)
	}
}

func (s *service) handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("/plain", func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, r.Proto) })
	upgrade := func(open func(c *conn.Conn)) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			s.mu.Lock()
			s.clients[r.RemoteAddr] = true
			s.mu.Unlock()
			w.Header().Set("X-Seen", r.Method+" "+r.Proto)
			_ = s.ws.Upgrade(w, r, open)
		}
	}
	mux.HandleFunc("/ws", upgrade(nil))
	mux.HandleFunc("CONNECT /connect", upgrade(nil))
	mux.HandleFunc("/answered", func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(http.StatusTeapot)
		fmt.Fprint(w, errors.Is(s.ws.Upgrade(w, r, nil), server.ErrAnswered))
	})
	mux.Handle("/wrapped", handlers.LoggingHandler(io.Discard, handlers.CompressHandler(handlers.RecoveryHandler()(upgrade(nil)))))
	mux.HandleFunc("/slow", upgrade(func(c *conn.Conn) {
		c.OnMessage(func(c *conn.Conn, m conn.Message) {
			<-s.unheld
			_ = c.SendText(fmt.Sprint(len(m.Payload)))
		})
	}))
	mux.HandleFunc("/flood", upgrade(func(c *conn.Conn) { go flood(c) }))
	mux.HandleFunc("/impatient", upgrade(func(c *conn.Conn) {
		if err := c.SetLimits(conn.Limits{WriteTimeout: stall}); err != nil {
			log.Print(err)
		}
		go flood(c)
	}))
	return hideFrom("/hidden", mux)
}

const floodMessages, floodSize = 200, 64 << 10

// flood sends at the pace at which the client reads, until it has closed.
func flood(c *conn.Conn) {
	for range floodMessages {
		err := c.SendWait(context.Background(), conn.Message{Type: conn.Binary, Payload: make([]byte, floodSize)})
		if err != nil {
			return
		}
	}
}

// hideFrom wraps ResponseWriters below a path, as middleware without a method Unwrap does.
func hideFrom(path string, h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if rest, ok := strings.CutPrefix(r.URL.Path, path); ok {
			r.URL.Path, w = rest, struct{ http.ResponseWriter }{w}
		}
		h.ServeHTTP(w, r)
	})
}
