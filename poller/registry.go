//go:build linux || darwin || freebsd || netbsd || openbsd || dragonfly

package poller

// registration is what a descriptor was last registered with.
type registration struct {
	token    uint64
	interest Interest
}

// registry remembers registrations by descriptor, for kernels whose events name
// the descriptor alone.
type registry map[int]registration

// stamp makes the event for a descriptor that the kernel reports as ready, with its current token. ok
// is false if the descriptor is not registered, or not for that readiness.
func (r registry) stamp(fd int, ready Interest) (e Event, ok bool) {
	is, ok := r[fd]
	if !ok || is.interest&ready == None {
		return Event{}, false
	}
	return Event{Token: is.token, Ready: ready}, true
}
