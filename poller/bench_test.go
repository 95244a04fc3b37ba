//go:build linux && !kqueue

package poller

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"strconv"
	"syscall"
	"testing"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// ways lists how an idle loop can park; netpoller is the Poller of this package.
var ways = []struct {
	name string
	make func() (waiter, error)
}{
	{"netpoller", func() (waiter, error) { return New() }},
	{"netpoller_direct", newDirectPoller},
	{"thread", func() (waiter, error) { return newThreadPoller(false) }},
	{"thread_probe", func() (waiter, error) { return newThreadPoller(true) }},
}

// BenchmarkEcho is a loop that echoes 20 bytes to clients in another process,
// and what that costs the loop's process in CPU time. Compare under -cpu 1,2.
func BenchmarkEcho(b *testing.B) {
	for _, conns := range []int{1, 10, 50} {
		for _, way := range ways {
			b.Run(fmt.Sprintf("conns=%d/park=%s", conns, way.name), func(b *testing.B) {
				p, err := way.make()
				must(b, err)
				defer p.Close()
				benchmarkEcho(b, p, conns)
			})
		}
	}
}

func benchmarkEcho(b *testing.B, p waiter, conns int) {
	b.ReportAllocs()
	b.SetBytes(peerMessage)
	fds := connectPeer(b, conns)
	for i, fd := range fds {
		must(b, p.Add(fd, Read, uint64(i)))
	}
	events, buf := make([]Event, 256), make([]byte, 4096)
	deadline := time.Now().Add(time.Minute)

	turns := 0
	user, system := cpuTime()
	b.ResetTimer()
	for done := 0; done < b.N; turns++ {
		n, err := p.Wait(events, deadline)
		must(b, err)
		for _, e := range events[:n] {
			fd := fds[e.Token]
			r, _, errno := unix.RawSyscall(unix.SYS_READ, uintptr(fd), uintptr(unsafe.Pointer(&buf[0])), uintptr(len(buf)))
			if errno != 0 || r == 0 {
				b.Fatalf("read: %d, %v", r, errno)
			}
			unix.RawSyscall(unix.SYS_WRITE, uintptr(fd), uintptr(unsafe.Pointer(&buf[0])), r)
			done++
		}
	}
	b.StopTimer()
	userNow, systemNow := cpuTime()
	b.ReportMetric(float64(userNow-user)/float64(b.N), "user-ns/event")
	b.ReportMetric(float64(systemNow-system)/float64(b.N), "sys-ns/event")
	b.ReportMetric(float64(b.N)/float64(turns), "events/turn")
}

// connectPeer starts the client process and returns our ends of its
// connections, which end with the benchmark.
func connectPeer(b *testing.B, conns int) []int {
	b.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	must(b, err)
	defer listener.Close()
	must(b, listener.(*net.TCPListener).SetDeadline(time.Now().Add(30*time.Second)))
	peer := exec.Command(os.Args[0], "-test.run=^$")
	peer.Env = append(os.Environ(), peerEnv+"="+listener.Addr().String(), peerEnv+"_CONNS="+strconv.Itoa(conns), "GOMAXPROCS=1")
	must(b, peer.Start())
	var fds []int
	b.Cleanup(func() {
		for _, fd := range fds {
			unix.Close(fd)
		}
		peer.Process.Kill()
		peer.Wait()
	})
	for range conns {
		c, err := listener.Accept()
		must(b, err)
		fds = append(fds, takeDescriptor(b, c.(syscall.Conn)))
		c.Close()
	}
	return fds
}

// takeDescriptor duplicates the descriptor of a connection that Go's netpoller
// would otherwise watch too.
func takeDescriptor(b *testing.B, c syscall.Conn) int {
	b.Helper()
	raw, err := c.SyscallConn()
	must(b, err)
	dup := -1
	must(b, raw.Control(func(fd uintptr) { dup, err = unix.FcntlInt(fd, unix.F_DUPFD_CLOEXEC, 0) }))
	must(b, err)
	return dup
}

// BenchmarkWake is a goroutine that wakes a parked loop and waits for it to
// have seen that.
func BenchmarkWake(b *testing.B) {
	for _, way := range []struct {
		name string
		make func() (waiter, error)
	}{
		{"deadline", func() (waiter, error) { return New() }},
		{"eventfd", newEventfdPoller},
		{"thread_eventfd", func() (waiter, error) { return newThreadPoller(false) }},
	} {
		b.Run("by="+way.name, func(b *testing.B) {
			b.ReportAllocs()
			p, err := way.make()
			must(b, err)
			defer p.Close()
			ask, answer := make(chan struct{}, 1), make(chan struct{}, 1)
			loopDone := make(chan struct{})
			deadline := time.Now().Add(time.Hour)
			go func() {
				defer close(loopDone)
				events := make([]Event, 16)
				for seen := 0; seen < b.N; {
					p.Wait(events, deadline)
					select {
					case <-ask:
						answer <- struct{}{}
						seen++
					default:
					}
				}
			}()
			user, system := cpuTime()
			b.ResetTimer()
			for range b.N {
				ask <- struct{}{}
				p.Wake()
				<-answer
			}
			b.StopTimer()
			userNow, systemNow := cpuTime()
			<-loopDone
			b.ReportMetric(float64(userNow-user)/float64(b.N), "user-ns/wake")
			b.ReportMetric(float64(systemNow-system)/float64(b.N), "sys-ns/wake")
		})
	}
}
