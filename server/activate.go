package server

import (
	"fmt"
	"net"
	"os"
	"strconv"
	"strings"

	"github.com/framerail/framerail/internal/platform"
)

// ActivatedListener is a listener that a service manager such as systemd has opened.
type ActivatedListener struct {
	// Name is the FileDescriptorName of its socket unit; "" if the manager gave none.
	Name string
	// Listener is the program's to serve or close.
	Listener net.Listener
}

// The protocol's variables, and the first of the descriptors: sd_listen_fds(3).
const (
	activationPID    = "LISTEN_PID"
	activationPIDFD  = "LISTEN_PIDFDID"
	activationCount  = "LISTEN_FDS"
	activationNames  = "LISTEN_FDNAMES"
	activationFirst  = 3
	activationAtMost = 1024 // listeners: more is a mistake
)

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
	pid, count, names := os.Getenv(activationPID), os.Getenv(activationCount), os.Getenv(activationNames)
	for _, name := range [...]string{activationPID, activationPIDFD, activationCount, activationNames} {
		_ = os.Unsetenv(name)
	}
	if count == "" || pid != strconv.Itoa(os.Getpid()) {
		return nil, nil
	}
	n, err := strconv.Atoi(count)
	if err != nil || n < 0 || n > activationAtMost {
		return nil, fmt.Errorf("framerail: %s is %q, not a number up to %d", activationCount, count, activationAtMost)
	}
	var name []string
	if names != "" {
		name = strings.Split(names, ":")
	}
	if len(name) > 0 && len(name) != n {
		return nil, fmt.Errorf("framerail: %s has %d names for %d sockets", activationNames, len(name), n)
	}
	name = append(name, make([]string, n-len(name))...)
	return activated(name)
}

// activated makes listeners of the first descriptors, one for each name.
func activated(names []string) (lns []ActivatedListener, err error) {
	for i, name := range names {
		ln, failed := platform.Inherited(activationFirst + i)
		switch {
		case failed == nil:
			lns = append(lns, ActivatedListener{Name: name, Listener: ln})
		case err == nil:
			err = fmt.Errorf("framerail: socket %d of %s, %q: %w", i, activationCount, name, failed)
		}
	}
	if err != nil {
		for _, ln := range lns {
			_ = ln.Listener.Close()
		}
		return nil, err
	}
	return lns, nil
}
