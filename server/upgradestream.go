package server

import (
	"net/http"

	"github.com/framerail/framerail/internal/gate"
	"github.com/framerail/framerail/internal/handshake"
	"github.com/framerail/framerail/internal/nethttp"
)

// upgradeStream is the end of Upgrade for a stream of HTTP/2. It returns when the connection has ended, and
// its callbacks have returned.
func (r *running) upgradeStream(a gate.Accepted, w http.ResponseWriter, hr *http.Request, header http.Header) (taken bool, err error) {
	stream, err := nethttp.NewStream(w, hr)
	if err != nil {
		nethttp.Answer(w, handshake.ErrInternal)
		return false, r.refuseHTTP(a.Remote, handshake.ErrInternal, err)
	}
	// A client that reads nothing keeps the answer waiting. Shutdown does not wait for that: Take counts the stream.
	stream.Accept(w, header, r.before.HandshakeTimeout)
	if err := r.nethttp.Take(stream.Conn(), &a, a.Opening); err != nil {
		_ = stream.Close()
		stream.Wait()
		return false, r.refuseHTTP(a.Remote, handshake.ErrInternal, err)
	}
	err = r.deliver(a)
	stream.Wait()
	return true, err
}
