package server

import (
	"net/http"

	"github.com/framerail/framerail/internal/gate"
	"github.com/framerail/framerail/internal/handshake"
	"github.com/framerail/framerail/internal/nethttp"
)

// upgradeStream is the end of Upgrade for a stream of HTTP/2. It returns when the connection has ended.
func (r *running) upgradeStream(a gate.Accepted, w http.ResponseWriter, hr *http.Request, header http.Header) (taken bool, err error) {
	stream, err := nethttp.NewStream(w, hr)
	if err != nil {
		nethttp.Answer(w, handshake.ErrInternal)
		return false, r.refuseHTTP(a.Remote, handshake.ErrInternal, err)
	}
	if err := r.nethttp.Take(stream.Conn(), &a, a.Opening); err != nil {
		refusal := handshake.Unavailable(1)
		nethttp.Answer(w, refusal)
		return false, r.refuseHTTP(a.Remote, refusal, err)
	}
	stream.Accept(w, header)
	err = r.deliver(a)
	stream.Wait()
	return true, err
}
