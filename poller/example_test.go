//go:build linux || darwin || freebsd || netbsd || openbsd || dragonfly

package poller_test

import (
	"fmt"
	"time"

	"github.com/framerail/framerail/poller"
	"golang.org/x/sys/unix"
)

func Example() {
	pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM, 0)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer unix.Close(pair[0])
	defer unix.Close(pair[1])
	unix.SetNonblock(pair[0], true)

	p, err := poller.New()
	if err != nil {
		fmt.Println(err) // poller.ErrUnsupported, or out of descriptors
		return
	}
	defer p.Close()
	if err := p.Add(pair[0], poller.Read, 42); err != nil {
		fmt.Println(err)
		return
	}

	unix.Write(pair[1], []byte("hello"))
	events := make([]poller.Event, 64)
	n, err := p.Wait(events, time.Now().Add(time.Second))
	for _, e := range events[:n] {
		buf := make([]byte, 16)
		size, _ := unix.Read(pair[0], buf)
		fmt.Printf("token %d: %s\n", e.Token, buf[:size])
	}
	fmt.Println(err)
	// Output:
	// token 42: hello
	// <nil>
}
