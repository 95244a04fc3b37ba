package embedded_test

import (
	"os/exec"
	"syscall"
)

// dieWithTest has a process end when the test's does, however that ends.
func dieWithTest(cmd *exec.Cmd) { cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL} }
