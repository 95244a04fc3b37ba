// Package proc reads what Linux tells of a process in /proc.
package proc

import (
	"bytes"
	"fmt"
	"os"
	"strconv"
	"time"
)

// tick is the unit of /proc/PID/stat, 1/100 s on every Linux that Go runs on.
const tick = 10 * time.Millisecond

// CPUTime is the user and system time that a process has used, in whole ticks of
// 10 ms.
func CPUTime(pid int) (user, system time.Duration, err error) {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0, 0, err
	}
	return parseStat(stat)
}

// parseStat finds utime and stime, fields 14 and 15 of proc_pid_stat(5). The
// second field, the command in parentheses, may contain anything: the count
// begins behind its last parenthesis.
func parseStat(stat []byte) (user, system time.Duration, err error) {
	fields := bytes.Fields(stat[bytes.LastIndexByte(stat, ')')+1:])
	if len(fields) < 13 {
		return 0, 0, fmt.Errorf("stat: only %d fields", len(fields))
	}
	utime, err := strconv.ParseInt(string(fields[11]), 10, 64)
	if err != nil {
		return 0, 0, fmt.Errorf("stat: utime: %w", err)
	}
	stime, err := strconv.ParseInt(string(fields[12]), 10, 64)
	if err != nil {
		return 0, 0, fmt.Errorf("stat: stime: %w", err)
	}
	return time.Duration(utime) * tick, time.Duration(stime) * tick, nil
}

// Memory is what a process has in RAM, in bytes.
func Memory(pid int) (int64, error) {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0, err
	}
	return field(status, "VmRSS:")
}

// KernelSlab is the kernel's own memory for small objects, of all processes, in
// bytes: sockets are among them.
func KernelSlab() (int64, error) {
	text, err := os.ReadFile("/proc/meminfo")
	if err != nil {
		return 0, err
	}
	return field(text, "Slab:")
}

// field finds a figure in kB in a file such as proc_pid_status(5), as bytes.
func field(text []byte, name string) (int64, error) {
	_, rest, _ := bytes.Cut(text, []byte("\n"+name))
	value := bytes.Fields(rest)
	if len(value) < 2 || string(value[1]) != "kB" {
		return 0, fmt.Errorf("no %s in kB", name)
	}
	kib, err := strconv.ParseInt(string(value[0]), 10, 64)
	return kib << 10, err
}

// Descriptors counts the open descriptors of a process. Those of the caller's own
// include the one that it looks with.
func Descriptors(pid int) (int, error) {
	names, err := os.ReadDir(fmt.Sprintf("/proc/%d/fd", pid))
	return len(names), err
}

// Watched counts the descriptors that the epoll instances of a process watch:
// lines "tfd:" of proc_pid_fdinfo(5).
func Watched(pid int) (n int, err error) {
	dir := fmt.Sprintf("/proc/%d/fdinfo/", pid)
	names, err := os.ReadDir(dir)
	if err != nil {
		return 0, err
	}
	for _, name := range names {
		info, err := os.ReadFile(dir + name.Name())
		if os.IsNotExist(err) {
			continue // closed since
		}
		if err != nil {
			return 0, err
		}
		n += bytes.Count(info, []byte("tfd:"))
	}
	return n, nil
}

// Threads is for how long each thread of a process has run.
type Threads map[int]time.Duration

// RunTime is for how long the threads of a process have run so far, to the nanosecond: the
// first field of /proc/PID/task/TID/schedstat. A thread that runs at the moment may have up to
// a tick more.
func RunTime(pid int) (Threads, error) {
	dir := fmt.Sprintf("/proc/%d/task/", pid)
	names, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	threads := make(Threads)
	for _, name := range names {
		text, err := os.ReadFile(dir + name.Name() + "/schedstat")
		if os.IsNotExist(err) {
			continue // the thread has ended
		}
		if err != nil {
			return nil, err
		}
		first, _, _ := bytes.Cut(text, []byte(" "))
		ns, err := strconv.ParseInt(string(first), 10, 64)
		if err != nil {
			return nil, fmt.Errorf("schedstat: %w", err)
		}
		tid, err := strconv.Atoi(name.Name())
		if err != nil {
			return nil, err
		}
		threads[tid] = time.Duration(ns)
	}
	return threads, nil
}

// Since is for how long the threads have run since an earlier time. What a thread ran that
// has ended meanwhile is not in it; those of Go programs stay.
func (t Threads) Since(earlier Threads) (sum time.Duration) {
	for tid, ran := range t {
		sum += ran - earlier[tid]
	}
	return sum
}
