//go:build linux

package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
	"time"
)

// process is a server in a process of its own, which ends with this one: its
// standard input is a pipe from here.
type process struct {
	cmd    *exec.Cmd
	stdin  io.WriteCloser
	stdout *bufio.Reader
	addr   string
}

// withServer runs f against a server in a process of its own. That the process
// does not end well speaks against the bar.
func withServer(ctx context.Context, v *verdict, s setup, f func(*process) error) error {
	p, err := startProcess(ctx, s)
	if err != nil {
		return err
	}
	err = f(p)
	if stopped := p.stop(); stopped != nil {
		v.miss("the server's process: %v", stopped)
	}
	return err
}

func startProcess(ctx context.Context, s setup) (*process, error) {
	path, err := os.Executable()
	if err != nil {
		return nil, err
	}
	asJSON, err := json.Marshal(s)
	if err != nil {
		return nil, err
	}
	cmd := exec.CommandContext(ctx, path, "serve", string(asJSON))
	cmd.Stderr = os.Stderr
	if s.Quiet {
		cmd.Stderr = nil
	}
	stdin, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	p := &process{cmd: cmd, stdin: stdin, stdout: bufio.NewReader(stdout)}
	line, err := p.stdout.ReadString('\n')
	if err != nil {
		return nil, errors.Join(fmt.Errorf("the server did not start: %w", err), p.stop())
	}
	p.addr = line[:len(line)-1]
	return p, nil
}

// stop ends the server; one that does not end by itself is killed.
func (p *process) stop() error {
	kill := time.AfterFunc(patience, func() { p.cmd.Process.Kill() })
	defer kill.Stop()
	return errors.Join(p.stdin.Close(), p.cmd.Wait())
}

func (p *process) pid() int { return p.cmd.Process.Pid }

// stats asks the server for its own account, made after a garbage collection.
func (p *process) stats() (s stats, err error) {
	if _, err := fmt.Fprintln(p.stdin, "stats"); err != nil {
		return s, err
	}
	line, err := p.stdout.ReadBytes('\n')
	if err != nil {
		return s, fmt.Errorf("the server tells nothing more: %w", err)
	}
	if err := json.Unmarshal(line, &s); err != nil {
		return s, err
	}
	s.Descriptors, err = descriptors(p.pid())
	return s, err
}

// settle waits until the server has as few descriptors and goroutines as in
// before, and no connection that has not been closed, and returns its account;
// also once that no longer changes.
func (p *process) settle(ctx context.Context, before stats) (s stats, err error) {
	var last stats
	same := 0
	_, err = eventually(ctx, patience, func() (bool, error) {
		s, err = p.stats()
		if same++; s.Descriptors != last.Descriptors || s.Goroutines != last.Goroutines || s.Closed != last.Closed {
			same = 0
		}
		last = s
		back := s.Descriptors <= before.Descriptors && s.Goroutines <= before.Goroutines && s.Opened == s.Closed
		return back || same == 50, err
	})
	return s, err
}

// descriptors counts the open descriptors of a process.
func descriptors(pid int) (int, error) {
	names, err := os.ReadDir(fmt.Sprintf("/proc/%d/fd", pid))
	return len(names), err
}

// resident is the memory of a process that is in RAM, in bytes.
func resident(pid int) (int64, error) {
	return field(fmt.Sprintf("/proc/%d/status", pid), "VmRSS:")
}

// kernelSlab is the kernel's own memory for small objects, in bytes: sockets are
// among them.
func kernelSlab() (int64, error) { return field("/proc/meminfo", "Slab:") }

// field reads a figure in kB from a file such as proc_pid_status(5), as bytes.
func field(path, name string) (int64, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return 0, err
	}
	_, rest, _ := bytes.Cut(text, []byte("\n"+name))
	value := bytes.Fields(rest)
	if len(value) < 2 || string(value[1]) != "kB" {
		return 0, fmt.Errorf("%s: no %s", path, name)
	}
	kib, err := strconv.ParseInt(string(value[0]), 10, 64)
	return kib << 10, err
}

// cpuTime is the CPU that a process has used, user and system, in ticks of 10 ms:
// fields 14 and 15 of proc_pid_stat(5), of which the second may contain anything
// but ends with the last parenthesis.
func cpuTime(pid int) (time.Duration, error) {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0, err
	}
	fields := bytes.Fields(stat[bytes.LastIndexByte(stat, ')')+1:])
	if len(fields) < 13 {
		return 0, fmt.Errorf("stat: only %d fields", len(fields))
	}
	var ticks int64
	for _, f := range fields[11:13] {
		n, err := strconv.ParseInt(string(f), 10, 64)
		if err != nil {
			return 0, fmt.Errorf("stat: %w", err)
		}
		ticks += n
	}
	return time.Duration(ticks) * 10 * time.Millisecond, nil
}
