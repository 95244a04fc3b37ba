//go:build linux || darwin || freebsd || netbsd || openbsd || dragonfly

package poller

// registration is what a descriptor was last registered with.
type registration struct {
	token    Token
	interest Interest
}

// registry remembers registrations by descriptor, for kernels whose events name
// the descriptor alone.
type registry map[int]registration

// stamp makes the event for a descriptor the kernel reports as ready, with the
// token it has now. ok is false for one that is not registered, or not for
// that: then there is nobody to tell.
func (r registry) stamp(fd int, ready Interest) (e Event, ok bool) {
	is, ok := r[fd]
	if !ok || is.interest&ready == None {
		return Event{}, false
	}
	return Event{Token: is.token, Ready: ready}, true
}
