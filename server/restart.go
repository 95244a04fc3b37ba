package server

import "os"

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
		f, err := a.File()
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
