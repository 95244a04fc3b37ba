//go:build faults

package inject

import (
	"sync/atomic"
	"syscall"
)

// Enabled tells whether calls can be made to fail in this build.
const Enabled = true

var plan atomic.Pointer[func(Site) syscall.Errno]

// Plan has f asked at each call, on whatever goroutine makes it. Nil: none fails.
func Plan(f func(Site) syscall.Errno) {
	if f == nil {
		plan.Store(nil)
		return
	}
	plan.Store(&f)
}

// Of is the error number that a call at the site is to fail with: 0 is none.
func Of(s Site) syscall.Errno {
	if f := plan.Load(); f != nil {
		return (*f)(s)
	}
	return 0
}
