package server

import (
	"errors"
	"net/http"

	"github.com/framerail/framerail/internal/nethttp"
)

// ErrAnswered is what Upgrade fails with when the handler has written an answer before: a
// request has one. Upgrade writes nothing then.
var ErrAnswered = errors.New("framerail: Upgrade after the handler has answered")

// tooLate counts and logs a request that its handler has answered, and is the error that says
// so. Without loops there is nobody to count.
func (r *running) tooLate(hr *http.Request) error {
	if r != nil {
		r.leastLoaded().Counters.Accepted.Add(1)
		r.refuse(ReasonInternal)
		r.logger.Error("framerail: cannot upgrade a request of net/http's", "remote", nethttp.RemoteOf(hr), "error", ErrAnswered)
	}
	return &UpgradeError{Reason: ReasonInternal, Err: ErrAnswered}
}
