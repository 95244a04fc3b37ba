package platform

import (
	"errors"
	"syscall"

	"github.com/framerail/framerail/internal/socket"
)

// Verdict says what an accept loop does after an error of Accept.
type Verdict uint8

const (
	// Retry: accept again at once.
	Retry Verdict = iota
	// Pause: what made Accept fail may last, such as a shortage of descriptors. Accept again a while later.
	Pause
	// Fatal: to accept again cannot succeed.
	Fatal
)

// VerdictOf returns the verdict on an error of Accept.
func VerdictOf(err error) Verdict {
	var spoiled *spoiledError
	switch verdict := socket.ClassifyAccept(err); {
	case isTemporary(err), errors.As(err, &spoiled), verdict == socket.AcceptPause:
		return Pause
	case verdict == socket.AcceptFatal:
		return Fatal
	}
	return Retry
}

// isTemporary reports whether an error of another package's listener is temporary, in the way that
// net/http understands.
func isTemporary(err error) bool {
	var t interface{ Temporary() bool }
	var errno syscall.Errno
	return errors.As(err, &t) && !errors.As(err, &errno) && t.Temporary()
}
