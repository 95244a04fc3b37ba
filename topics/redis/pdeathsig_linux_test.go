package redis

import (
	"os/exec"
	"syscall"
)

// endWithTest lets a process end when the test does, in whatever way. The thread that
// starts it must not end before, and the tests' threads do not.
func endWithTest(cmd *exec.Cmd) { cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL} }
