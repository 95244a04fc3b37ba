package server

import (
	"errors"
	"net/http"
	"reflect"
)

// ErrAnswered is what Upgrade fails with when the handler has written an answer before: a
// request has one. Upgrade writes nothing then.
var ErrAnswered = errors.New("framerail: Upgrade after the handler has answered")

// tooLate counts and logs a request that its handler has answered, and is the error that says
// so. Without loops there is nobody to count.
func (r *running) tooLate(hr *http.Request) error {
	if r != nil {
		r.leastLoaded().tally.accepted.Add(1)
		r.refuse(ReasonInternal)
		r.logger.Error("framerail: cannot upgrade a request of net/http's", "remote", remoteOf(hr), "error", ErrAnswered)
	}
	return &UpgradeError{Reason: ReasonInternal, Err: ErrAnswered}
}

// hasAnswered tells whether an answer has been written to a ResponseWriter, as far as that can
// be seen. net/http's own do not say so, and give their connection up even then; so its field
// is looked at. Those of some routers have a method for it.
func hasAnswered(w http.ResponseWriter) bool {
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

// wroteHeader looks at net/http's own ResponseWriter.
func wroteHeader(w http.ResponseWriter) bool {
	v := reflect.ValueOf(w)
	if v.Kind() != reflect.Pointer || v.IsNil() || v.Elem().Kind() != reflect.Struct || v.Elem().Type().PkgPath() != "net/http" {
		return false
	}
	field := v.Elem().FieldByName("wroteHeader")
	return field.Kind() == reflect.Bool && field.Bool()
}
