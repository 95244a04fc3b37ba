package main

import (
	"errors"
	"net"
	"strings"

	"github.com/framerail/framerail/server"
)

// place is a flag's place to listen at: HOST:PORT, unix:PATH, or systemd for the sockets
// that a service manager has opened.
type place string

const systemd = "systemd"

// UnmarshalText checks the form.
func (p *place) UnmarshalText(text []byte) error {
	path, isPath := strings.CutPrefix(string(text), "unix:")
	switch {
	case isPath && path == "":
		return errors.New("want a path behind unix:, such as unix:/tmp/framerail.sock")
	case !isPath && string(text) != systemd:
		var addr listenAddr
		if err := addr.UnmarshalText(text); err != nil {
			return err
		}
	}
	*p = place(text)
	return nil
}

// listen listens at all places.
func listen(places []place) (lns []net.Listener, err error) {
	for _, p := range places {
		var more []net.Listener
		if more, err = p.listen(); err != nil {
			break
		}
		lns = append(lns, more...)
	}
	if err != nil {
		for _, ln := range lns {
			_ = ln.Close()
		}
		return nil, err
	}
	return lns, nil
}

func (p place) listen() ([]net.Listener, error) {
	if p == systemd {
		return activated()
	}
	network, address := "tcp", string(p)
	if path, ok := strings.CutPrefix(address, "unix:"); ok {
		network, address = "unix", path
	}
	ln, err := net.Listen(network, address)
	return []net.Listener{ln}, err
}

// activated are the listeners of a service manager, of which there must be some.
func activated() (lns []net.Listener, err error) {
	given, err := server.ActivatedListeners()
	if err == nil && len(given) == 0 {
		err = errors.New("no sockets: systemd has not started this with any")
	}
	for _, ln := range given {
		lns = append(lns, ln.Listener)
	}
	return lns, err
}
