package server

import (
	"net"

	"github.com/framerail/framerail/internal/gate"
)

// ActivatedListener is a listener that a service manager such as systemd has opened.
type ActivatedListener struct {
	// Name is the FileDescriptorName of its socket unit; "" if the manager gave none.
	Name string
	// Listener is the program's to serve or close.
	Listener net.Listener
}

// ActivatedListeners returns the listening sockets that the process was started with, by systemd's socket
// activation or another manager that does the same. They are stream sockets, TCP or unix, in the
// manager's order. Give each to Serve or ServeTLS:
//
//	lns, err := server.ActivatedListeners()
//	…
//	for _, ln := range lns {
//		go srv.Serve(ln.Listener)
//	}
//
// There are none if the variables LISTEN_PID and LISTEN_FDS are not set, or are meant for another
// process. The variables are unset in any case, so a second call finds none, and children do not
// either. Call ActivatedListeners at the start, before other code uses these descriptors. From then on
// the sockets close on exec.
//
// It fails if a socket is not open, is no stream socket, or does not listen, such as a connection of a unit
// with Accept=yes. It then closes the sockets that listen.
//
// The manager keeps the sockets open, and clients wait in them while the program does not run. So the
// program can be stopped with Shutdown and started again, and no client is refused. It does not need
// ListenerFiles for that. The path of a unix socket belongs to the manager and stays.
func ActivatedListeners() ([]ActivatedListener, error) {
	activated, err := gate.ListenActivated()
	if err != nil {
		return nil, err
	}
	var lns []ActivatedListener
	for _, a := range activated {
		lns = append(lns, ActivatedListener(a))
	}
	return lns, nil
}
