package peer

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"runtime"
	"runtime/debug"
)

// Main is the main function of a program that is one server and nothing else. It prints its
// address, and answers each line of standard input with a garbage collection, as
// [CollectOnDemand] does. The program ends with standard input.
func Main(s Server) {
	ctx, cancel := context.WithCancel(context.Background())
	go func() {
		defer cancel()
		CollectOnDemand(os.Stdin)
	}()
	if err := Run(ctx, s, "127.0.0.1:0", func() error { return nil }); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// Run serves until ctx ends, after printing the address. It calls finish at the end, while
// connections are still open.
func Run(ctx context.Context, s Server, addr string, finish func() error) error {
	ln, err := net.Listen("tcp", addr)
	if err != nil {
		return err
	}
	served := make(chan error, 1)
	go func() { served <- s.Serve(ln) }()
	fmt.Println(ln.Addr())
	select {
	case err := <-served:
		return errors.Join(fmt.Errorf("the server gave up: %w", err), finish())
	case <-ctx.Done():
		return errors.Join(finish(), s.Close())
	}
}

// CollectOnDemand collects garbage and returns memory to the system for each line of r, and
// prints how many bytes are left: of objects on the heap, and of stacks. It returns at the end
// of r.
func CollectOnDemand(r io.Reader) {
	for lines := bufio.NewScanner(r); lines.Scan(); {
		runtime.GC() // what pools hold outlives the first
		debug.FreeOSMemory()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		fmt.Println(m.HeapAlloc, m.StackInuse)
	}
}
