package server

import (
	"errors"
	"fmt"
	"net"
	"os"

	"github.com/framerail/framerail/internal/socket"
)

// ListenerFiles is the socket of each listener that the server accepts from, in the
// order in which it was given them, for another process to take over: pass them on in
// [os/exec.Cmd].ExtraFiles, and serve them there by way of [net.FileListener]. See
// Restart in the package's documentation.
//
// The files are duplicates, closed on exec, and the caller's to close; the server goes
// on accepting. From then on it leaves the path of a unix socket in the file system when it
// ends, since the other process is to be reached there.
//
// Use it rather than the File method of package net's listeners: a file from there
// puts the socket, and with it the server, into blocking mode when a process is
// started with it.
//
// Listeners of other packages fail with an error that matches
// errors.ErrUnsupported; a server that was told to stop, with ErrServerClosed. One
// that does not listen yet has none.
func (s *Server) ListenerFiles() ([]*os.File, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.stopped {
		return nil, ErrServerClosed
	}
	var files []*os.File
	for _, a := range s.acceptors {
		f, err := a.duplicate()
		if err != nil {
			for _, f := range files {
				_ = f.Close()
			}
			return nil, err
		}
		files = append(files, f)
	}
	return files, nil
}

// duplicate gives the listener's socket a descriptor for another process.
func (a *acceptor) duplicate() (*os.File, error) {
	if a.file == nil {
		return nil, fmt.Errorf("framerail: the descriptor of a %T: %w", a.ln, errors.ErrUnsupported)
	}
	fd, err := socket.Take(a.file)
	if err != nil {
		return nil, err
	}
	if ln, ok := a.ln.(*net.UnixListener); ok {
		a.closing.Lock()
		ln.SetUnlinkOnClose(false)
		a.closing.Unlock()
	}
	// That it does not block is known to os.NewFile, which then leaves it so.
	return os.NewFile(uintptr(fd), "listener "+a.ln.Addr().String()), nil
}
