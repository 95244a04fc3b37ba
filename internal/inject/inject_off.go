//go:build !faults

package inject

import "syscall"

// Enabled tells whether calls can be made to fail in this build.
const Enabled = false

// Of is the error number that a call at the site is to fail with: 0 is none.
func Of(Site) syscall.Errno { return 0 }
