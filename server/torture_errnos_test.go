//go:build faults && linux

package server

import (
	"slices"
	"syscall"

	"github.com/framerail/framerail/internal/inject"
)

// errnos are those that a call can come to by its manual page, and the network's that
// accept hands over. accept4 has no EAGAIN here, which it never comes to while somebody
// is waiting: its poller is told of that only once.
var errnos = map[inject.Site][]syscall.Errno{
	inject.Accept: {
		syscall.EBADF, syscall.ECONNABORTED, syscall.EFAULT, syscall.EINTR, syscall.EINVAL, syscall.EMFILE,
		syscall.ENFILE, syscall.ENOBUFS, syscall.ENOMEM, syscall.ENOTSOCK, syscall.EOPNOTSUPP, syscall.EPERM,
		syscall.EPROTO, syscall.ENETDOWN, syscall.ENOPROTOOPT, syscall.EHOSTDOWN, syscall.ENONET,
		syscall.EHOSTUNREACH, syscall.ENETUNREACH, syscall.ETIMEDOUT, syscall.ECONNRESET, syscall.ENOSYS,
	},
	inject.Read: {
		syscall.EAGAIN, syscall.EBADF, syscall.ECONNREFUSED, syscall.EFAULT, syscall.EINTR, syscall.EINVAL,
		syscall.ENOMEM, syscall.ENOTCONN, syscall.ENOTSOCK, syscall.ECONNRESET, syscall.ETIMEDOUT, syscall.EHOSTUNREACH,
	},
	inject.Write: {
		syscall.EACCES, syscall.EAGAIN, syscall.EALREADY, syscall.EBADF, syscall.ECONNRESET, syscall.EDESTADDRREQ,
		syscall.EFAULT, syscall.EINTR, syscall.EINVAL, syscall.EISCONN, syscall.EMSGSIZE, syscall.ENOBUFS,
		syscall.ENOMEM, syscall.ENOTCONN, syscall.ENOTSOCK, syscall.EOPNOTSUPP, syscall.EPIPE, syscall.ETIMEDOUT,
	},
	inject.Writev: {
		syscall.EAGAIN, syscall.EBADF, syscall.EDESTADDRREQ, syscall.EDQUOT, syscall.EFAULT, syscall.EFBIG,
		syscall.EINTR, syscall.EINVAL, syscall.EIO, syscall.ENOSPC, syscall.EPERM, syscall.EPIPE,
		syscall.ECONNRESET, syscall.ENOBUFS, syscall.ENOMEM,
	},
	inject.Shutdown:   {syscall.EBADF, syscall.EINVAL, syscall.ENOTCONN, syscall.ENOTSOCK, syscall.ENOBUFS},
	inject.Close:      {syscall.EBADF, syscall.EINTR, syscall.EIO, syscall.ENOSPC, syscall.EDQUOT},
	inject.LocalAddr:  {syscall.EBADF, syscall.EFAULT, syscall.EINVAL, syscall.ENOBUFS, syscall.ENOTSOCK},
	inject.RemoteAddr: {syscall.EBADF, syscall.EFAULT, syscall.EINVAL, syscall.ENOBUFS, syscall.ENOTCONN, syscall.ENOTSOCK},
	inject.NoDelay:    {syscall.EBADF, syscall.EFAULT, syscall.EINVAL, syscall.ENOPROTOOPT, syscall.ENOTSOCK, syscall.ENOMEM},
	inject.Option:     {syscall.EBADF, syscall.EFAULT, syscall.EINVAL, syscall.ENOPROTOOPT, syscall.ENOTSOCK, syscall.ENOMEM, syscall.EDOM},
	inject.Duplicate:  {syscall.EBADF, syscall.EINVAL, syscall.EMFILE},
	inject.Nonblock:   {syscall.EBADF, syscall.EAGAIN, syscall.EPERM},
	inject.EpollCreate: {
		syscall.EINVAL, syscall.EMFILE, syscall.ENFILE, syscall.ENOMEM,
	},
	inject.EpollAdd:    {syscall.EBADF, syscall.EEXIST, syscall.EINVAL, syscall.ELOOP, syscall.ENOMEM, syscall.ENOSPC, syscall.EPERM},
	inject.EpollModify: {syscall.EBADF, syscall.EINVAL, syscall.ENOENT, syscall.ENOMEM, syscall.EPERM},
	inject.EpollRemove: {syscall.EBADF, syscall.EINVAL, syscall.ENOENT, syscall.EPERM},
	inject.EpollWait:   {syscall.EBADF, syscall.EFAULT, syscall.EINTR, syscall.EINVAL},

	inject.Queue:        {syscall.ENOMEM, syscall.EMFILE, syscall.ENFILE},
	inject.FilterAdd:    {syscall.EBADF, syscall.EACCES, syscall.EFAULT, syscall.EINTR, syscall.EINVAL, syscall.ENOMEM, syscall.EPIPE},
	inject.FilterDelete: {syscall.EBADF, syscall.EACCES, syscall.EFAULT, syscall.EINTR, syscall.EINVAL, syscall.ENOENT},
	inject.FilterWait:   {syscall.EBADF, syscall.EFAULT, syscall.EINTR, syscall.EINVAL},
}

// endAndGoOn are an error number that is for good, and EAGAIN where that may come.
func endAndGoOn(s inject.Site) []syscall.Errno {
	some := errnos[s][:1]
	if slices.Contains(errnos[s], syscall.EAGAIN) && some[0] != syscall.EAGAIN {
		some = []syscall.Errno{some[0], syscall.EAGAIN}
	}
	return some
}
