package main

import (
	"bufio"
	"os"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// forgetStartup gives back the pages of the program's file, most of which the process has touched while
// it started: packages were initialized, and flags parsed. Serving needs few of them. Each of those
// comes back from the page cache when it is needed. If forgetStartup fails nothing changes.
func forgetStartup() {
	maps, err := os.Open("/proc/self/smaps")
	if err != nil {
		return
	}
	defer maps.Close()
	program, err := os.Readlink("/proc/self/exe")
	if err != nil {
		return
	}
	var begin, end uint64
	for lines := bufio.NewScanner(maps); lines.Scan(); {
		fields := strings.Fields(lines.Text())
		if from, to, found := strings.Cut(fields[0], "-"); found && len(fields) >= 5 {
			begin, end = 0, 0
			if strings.Join(fields[5:], " ") == program && !strings.Contains(fields[1], "w") {
				begin, _ = strconv.ParseUint(from, 16, 64)
				end, _ = strconv.ParseUint(to, 16, 64)
			}
			continue
		}
		// Where the linker has changed pages they would not come back.
		if fields[0] == "Anonymous:" && fields[1] == "0" && end > begin {
			_, _, _ = unix.Syscall(unix.SYS_MADVISE, uintptr(begin), uintptr(end-begin), unix.MADV_DONTNEED)
		}
	}
}
