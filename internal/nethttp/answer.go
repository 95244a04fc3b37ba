package nethttp

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"reflect"
	"slices"
	"time"

	"github.com/framerail/framerail/internal/handshake"
)

// Answer answers a request that net/http still has.
func Answer(w http.ResponseWriter, refusal *handshake.Refusal) {
	h := w.Header()
	// Remove the handler's own fields. Content-Encoding stays: middleware that compresses all
	// answers has set it.
	for _, name := range [...]string{"Content-Length", "Etag", "Last-Modified"} {
		h.Del(name)
	}
	status, header, body := refusal.Answer()
	for name, values := range header {
		h[name] = values
	}
	w.WriteHeader(status)
	_, _ = io.WriteString(w, body)
}

// AnswerRaw answers on a connection that net/http has given up, and ends it.
func AnswerRaw(nc net.Conn, refusal *handshake.Refusal) {
	_ = nc.SetWriteDeadline(time.Now().Add(lingerTimeout))
	_, _ = nc.Write(refusal.AppendResponse(nil, time.Now()))
	_ = nc.Close()
}

// CannotTake returns an error that names the ResponseWriter from which no connection can be taken. Most often
// it is a middleware's that hides net/http's.
func CannotTake(w http.ResponseWriter, err error) error {
	for {
		if _, ok := w.(http.Hijacker); ok {
			return fmt.Errorf("framerail: cannot take the connection from a %T: %w", w, err)
		}
		outer, ok := w.(interface{ Unwrap() http.ResponseWriter })
		if !ok {
			return fmt.Errorf("framerail: cannot take the connection from a %T, which has no method Unwrap or Hijack: %w", w, err)
		}
		w = outer.Unwrap()
	}
}

// HasAnswered reports whether an answer has been written to a ResponseWriter, as far as that can be seen.
// net/http's own have no method for it, and allow Hijack even then. So HasAnswered looks at their field. The
// ResponseWriters of some routers have a method.
func HasAnswered(w http.ResponseWriter) bool {
	for {
		if known, ok := w.(interface{ Written() bool }); ok && known.Written() {
			return true
		}
		if outer, ok := w.(interface{ Unwrap() http.ResponseWriter }); ok {
			w = outer.Unwrap()
			continue
		}
		return wroteHeader(w)
	}
}

// wroteHeader looks at net/http's own ResponseWriter. The field is in a struct that this points to. For HTTP/2 that
// struct is one or two levels below.
func wroteHeader(w http.ResponseWriter) bool {
	for v, depth := reflect.ValueOf(w), 0; depth < 4; depth++ {
		if v.Kind() == reflect.Pointer {
			v = v.Elem() // invalid if it is nil
		}
		if v.Kind() != reflect.Struct || !slices.Contains(httpPackages[:], v.Type().PkgPath()) {
			return false
		}
		if wrote := v.FieldByName("wroteHeader"); wrote.Kind() == reflect.Bool {
			return wrote.Bool()
		}
		v = v.FieldByName("rws")
	}
	return false
}

// httpPackages are those of net/http's ResponseWriters.
var httpPackages = [...]string{"net/http", "net/http/internal/http2", "golang.org/x/net/http2"}
