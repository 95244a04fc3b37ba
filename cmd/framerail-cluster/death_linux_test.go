package main

import (
	"os/exec"
	"syscall"
)

// dieWithTest has the kernel end a program with the test's process.
func dieWithTest(cmd *exec.Cmd) { cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL} }
