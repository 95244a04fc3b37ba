// Package inject makes system calls fail in tests, in builds with the tag faults. In other builds Of is
// the constant 0, and the compiler leaves out the code that depends on it.
package inject

// Site is a place where this module calls the system.
type Site uint8

// The sites.
const (
	Accept Site = iota
	Read
	Write
	Writev
	Shutdown
	Close
	LocalAddr
	RemoteAddr
	NoDelay
	Option
	Duplicate
	Nonblock
	EpollCreate
	EpollAdd
	EpollModify
	EpollRemove
	EpollWait
	Queue
	FilterAdd
	FilterDelete
	FilterWait
	Sites // how many there are
)

// names are the calls, with a suffix where two have the same name.
var names = [Sites]string{
	Accept:      "accept4",
	Read:        "recvfrom",
	Write:       "sendto",
	Writev:      "writev",
	Shutdown:    "shutdown",
	Close:       "close",
	LocalAddr:   "getsockname",
	RemoteAddr:  "getpeername",
	NoDelay:     "setsockopt TCP_NODELAY",
	Option:      "setsockopt",
	Duplicate:   "fcntl F_DUPFD_CLOEXEC",
	Nonblock:    "fcntl O_NONBLOCK",
	EpollCreate: "epoll_create1",
	EpollAdd:    "epoll_ctl EPOLL_CTL_ADD",
	EpollModify: "epoll_ctl EPOLL_CTL_MOD",
	EpollRemove: "epoll_ctl EPOLL_CTL_DEL",
	EpollWait:   "epoll_pwait",

	Queue:        "kqueue",
	FilterAdd:    "kevent EV_ADD",
	FilterDelete: "kevent EV_DELETE",
	FilterWait:   "kevent",
}

// String returns the name of the call.
func (s Site) String() string { return names[s] }
