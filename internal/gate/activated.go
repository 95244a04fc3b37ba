package gate

import (
	"fmt"
	"net"
	"os"
	"strconv"
	"strings"

	"github.com/framerail/framerail/internal/platform"
)

// Activated is a listener that the process was started with.
type Activated struct {
	Name     string // "" if it was given none
	Listener net.Listener
}

// The variables of socket activation, and the first of the descriptors: sd_listen_fds(3).
const (
	activationPID    = "LISTEN_PID"
	activationPIDFD  = "LISTEN_PIDFDID"
	activationCount  = "LISTEN_FDS"
	activationNames  = "LISTEN_FDNAMES"
	activationFirst  = 3
	activationAtMost = 1024 // listeners: more is a mistake
)

// ListenActivated takes the listeners over that a service manager has started the process with. It
// unsets the variables that say so, and returns none if they are meant for another process.
func ListenActivated() ([]Activated, error) {
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
func activated(names []string) (lns []Activated, err error) {
	for i, name := range names {
		ln, failed := platform.Inherited(activationFirst + i)
		switch {
		case failed == nil:
			lns = append(lns, Activated{Name: name, Listener: ln})
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
