package costs

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"unsafe"

	"golang.org/x/sys/unix"
)

// tracer counts the system calls of a process by ptrace(2).
type tracer struct {
	pid   int
	calls map[uint64]int // by number, without those on runtime
	done  atomic.Bool
	ended chan error

	runtime uint64       // the descriptor that the Go runtime waits on, for descriptors of pollers
	within  map[int]bool // the threads that wait on it
	parks   int          // such waits that brought something
}

// trace begins to count. The process must be a child of this one. It does not outlive stop.
func trace(pid int) (*tracer, error) {
	t := &tracer{pid: pid, calls: make(map[uint64]int), ended: make(chan error, 1), within: make(map[int]bool)}
	var err error
	if t.runtime, err = outerEpoll(pid); err != nil {
		return nil, err
	}
	attached := make(chan error, 1)
	go func() {
		runtime.LockOSThread() // the thread that attaches is the one that may go on
		err := t.attach()
		attached <- err
		if err == nil {
			t.ended <- t.run()
		}
	}()
	return t, <-attached
}

// stop ends the process and the count.
func (t *tracer) stop() error {
	t.done.Store(true)
	// The signal makes a thread stop, so that the tracer looks.
	return errors.Join(unix.Kill(t.pid, unix.SIGURG), <-t.ended)
}

// attach seizes all threads. Those that begin later are seized with the thread that begins
// them.
func (t *tracer) attach() error {
	names, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*", t.pid))
	if err != nil {
		return err
	}
	for _, name := range names {
		tid, err := strconv.Atoi(filepath.Base(name))
		if err != nil {
			return err
		}
		const options = unix.PTRACE_O_TRACESYSGOOD | unix.PTRACE_O_TRACECLONE | unix.PTRACE_O_EXITKILL
		if err := ptrace(unix.PTRACE_SEIZE, tid, 0, options); err != nil {
			return fmt.Errorf("ptrace: %w", err)
		}
		if err := ptrace(unix.PTRACE_INTERRUPT, tid, 0, 0); err != nil {
			return fmt.Errorf("ptrace: %w", err)
		}
	}
	return nil
}

// run lets each thread go on from each stop until the end. A thread that is traced is gone
// only when its tracer has waited for it.
func (t *tracer) run() error {
	for {
		var status unix.WaitStatus
		tid, err := unix.Wait4(-1, &status, unix.WALL, nil)
		switch {
		case err == unix.EINTR:
			continue
		case err != nil:
			return fmt.Errorf("wait4: %w", err)
		case tid == t.pid && !status.Stopped():
			return nil // all of it has ended
		case !status.Stopped():
			continue // a thread has ended
		case t.done.Load():
			if err := unix.Kill(t.pid, unix.SIGKILL); err != nil {
				return err
			}
			continue
		}
		signal := 0
		switch stop := status.StopSignal(); {
		case stop == unix.SIGTRAP|0x80:
			t.count(tid)
		case int(status)>>16 == 0:
			signal = int(stop) // is on its way to the process
		}
		if err := ptrace(unix.PTRACE_SYSCALL, tid, 0, uintptr(signal)); err != nil && err != unix.ESRCH {
			return fmt.Errorf("ptrace: %w", err)
		}
	}
}

// outerEpoll is the epoll descriptor of a process that watches another one: a Poller parks in that of the
// Go runtime.
func outerEpoll(pid int) (uint64, error) {
	names, err := filepath.Glob(fmt.Sprintf("/proc/%d/fdinfo/*", pid))
	if err != nil {
		return 0, err
	}
	for _, name := range names {
		text, err := os.ReadFile(name)
		if err != nil {
			return 0, err
		}
		for line := range strings.Lines(string(text)) {
			var fd int
			if n, _ := fmt.Sscanf(line, "tfd: %d", &fd); n == 0 {
				continue // no descriptor that is watched
			}
			if to, _ := os.Readlink(fmt.Sprintf("/proc/%d/fd/%d", pid, fd)); to == "anon_inode:[eventpoll]" {
				return strconv.ParseUint(filepath.Base(name), 10, 64)
			}
		}
	}
	return 0, fmt.Errorf("process %d has no epoll descriptor that watches another one", pid)
}

// count adds the call that a thread is about to make, and looks at what one has returned. info is
// ptrace_syscall_info: its first byte is 1 where a call begins and 2 where it ends. Behind two addresses are
// the number and the arguments, or the result.
func (t *tracer) count(tid int) {
	var info [88]byte
	err := ptrace(unix.PTRACE_GET_SYSCALL_INFO, tid, unsafe.Sizeof(info), uintptr(unsafe.Pointer(&info)))
	if err != nil {
		return
	}
	word := func(at int) uint64 { return *(*uint64)(unsafe.Pointer(&info[at])) }
	switch info[0] {
	case unix.PTRACE_SYSCALL_INFO_ENTRY:
		number, fd := word(24), word(32)
		t.within[tid] = fd == t.runtime && slices.Contains(calls["wait"], number)
		if !t.within[tid] {
			t.calls[number]++
		}
	case unix.PTRACE_SYSCALL_INFO_EXIT:
		if t.within[tid] && int64(word(24)) > 0 {
			t.parks++
		}
	}
}

func ptrace(request, tid int, addr, data uintptr) error {
	_, _, errno := unix.RawSyscall6(unix.SYS_PTRACE, uintptr(request), uintptr(tid), addr, data, 0, 0)
	if errno != 0 {
		return errno
	}
	return nil
}

// sum adds up the calls of some numbers.
func (t *tracer) sum(numbers ...uint64) (n int) {
	for _, number := range numbers {
		n += t.calls[number]
	}
	return n
}
