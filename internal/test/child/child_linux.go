package child

import (
	"os/exec"
	"syscall"
)

// EndWithTest has the kernel kill a program when the test's process ends, also when that crashes or is killed.
// Call it before cmd.Start. The kernel looks at the thread that calls Start: its goroutine must not end while it is
// locked to that thread.
func EndWithTest(cmd *exec.Cmd) { cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL} }
