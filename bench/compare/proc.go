//go:build linux

package main

import (
	"bytes"
	"fmt"
	"os"
	"strconv"
	"time"
)

// tick is the unit of /proc/PID/stat, 1/100 s on every Linux that Go runs on.
const tick = 10 * time.Millisecond

// cpuTime returns the user and system time that a process has used, in whole
// ticks.
func cpuTime(pid int) (user, system time.Duration, err error) {
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

// resident is the memory of a process that is in RAM, in bytes: all of it, and
// the part that is not backed by a file.
type resident struct{ all, anonymous int64 }

func residentMemory(pid int) (resident, error) {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return resident{}, err
	}
	return parseStatus(status)
}

// parseStatus finds VmRSS and RssAnon of proc_pid_status(5), given in KiB.
func parseStatus(status []byte) (r resident, err error) {
	for name, field := range map[string]*int64{"VmRSS:": &r.all, "RssAnon:": &r.anonymous} {
		_, rest, found := bytes.Cut(status, []byte("\n"+name))
		value := bytes.Fields(rest)
		if !found || len(value) < 2 {
			return r, fmt.Errorf("status: no %s", name)
		}
		kib, err := strconv.ParseInt(string(value[0]), 10, 64)
		if err != nil {
			return r, fmt.Errorf("status: %s %w", name, err)
		}
		*field = kib << 10
	}
	return r, nil
}
