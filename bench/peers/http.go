package peers

import (
	"errors"
	"net"
	"net/http"
	"time"
)

// httpServer serves the libraries that upgrade inside an HTTP handler.
type httpServer struct {
	http.Server
}

// newHTTPServer returns a server that hands every request to upgrade. The
// header deadline is the one setting beyond net/http's defaults: a server
// without it is not fit to be put anywhere.
func newHTTPServer(upgrade http.HandlerFunc) *httpServer {
	return &httpServer{http.Server{Handler: upgrade, ReadHeaderTimeout: 5 * time.Second}}
}

func (s *httpServer) Serve(ln net.Listener) error {
	err := s.Server.Serve(ln)
	if errors.Is(err, http.ErrServerClosed) {
		return nil
	}
	return err
}
