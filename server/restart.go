package server

import "os"

// ListenerFiles returns the sockets of the server's listeners, in the order of the listeners, so that
// another process can take them over. Pass them on in [os/exec.Cmd].ExtraFiles, and serve them there with
// [net.FileListener]. See Restart in the package's documentation.
//
// The files are duplicates and close on exec. The caller closes them. The server goes on accepting. From
// then on it leaves the path of a unix socket in the file system when it ends, for the other process.
//
// Do not use the File method of package net's listeners instead. It puts the socket, and with it the
// server, into blocking mode when a process is started with it.
//
// If there is a listener of another package, the error matches errors.ErrUnsupported. After Shutdown or
// Close it is ErrServerClosed. A server that does not listen yet has no files.
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
