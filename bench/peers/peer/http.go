package peer

import (
	"errors"
	"net"
	"net/http"
	"time"
)

// HTTPServer serves the libraries that upgrade inside an HTTP handler.
type HTTPServer struct {
	http.Server
}

// NewHTTPServer returns a server that hands every request to upgrade. The header deadline
// is the one setting beyond net/http's defaults: a server without it is not fit to be put
// anywhere.
func NewHTTPServer(upgrade http.HandlerFunc) *HTTPServer {
	return &HTTPServer{http.Server{Handler: upgrade, ReadHeaderTimeout: 5 * time.Second}}
}

func (s *HTTPServer) Serve(ln net.Listener) error {
	err := s.Server.Serve(ln)
	if errors.Is(err, http.ErrServerClosed) {
		return nil
	}
	return err
}
