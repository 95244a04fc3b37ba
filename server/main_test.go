package server

import (
	"flag"
	"fmt"
	"net"
	"os"
	"runtime"
	"testing"
	"time"

	"github.com/framerail/framerail/internal/socket"
)

// TestMain fails the run if the tests leave goroutines or descriptors behind, those of a
// fuzzer aside. In a process that a test has started it plays the part that the test gave it.
func TestMain(m *testing.M) {
	if part := os.Getenv(partEnv); part != "" {
		os.Exit(parts[part]())
	}
	if !socket.Supported {
		os.Exit(m.Run())
	}
	warmUp()
	before := census()
	code := m.Run()
	if flag.Lookup("test.fuzz").Value.String() != "" {
		os.Exit(code)
	}
	if after, ok := before.comesBack(); !ok {
		fmt.Fprintf(os.Stderr, "%v before the tests, %v after\n%s\n", before, after, stacks())
		code = 1
	}
	os.Exit(code)
}

// A test that lowers a limit of the process does so in one of its own, which runs
// one of these by name and ends with the status returned.
const partEnv = "FRAMERAIL_TEST_PART"

var parts = map[string]func() int{}

// warmUp opens the descriptors that Go's netpoller keeps once it is used.
func warmUp() {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		panic(err)
	}
	_ = ln.Close()
}

// count is what must be the same before and after.
type count struct{ goroutines, descriptors int }

func (c count) String() string {
	return fmt.Sprintf("%d goroutines and %d descriptors", c.goroutines, c.descriptors)
}

func census() count { return count{runtime.NumGoroutine(), countDescriptors()} }

// comesBack waits until there are no more than before.
func (c count) comesBack() (now count, ok bool) {
	deadline := time.Now().Add(5 * time.Second)
	for {
		now = census()
		if now.goroutines <= c.goroutines && now.descriptors == c.descriptors {
			return now, true
		}
		if time.Now().After(deadline) {
			return now, false
		}
		time.Sleep(time.Millisecond)
	}
}

func stacks() []byte {
	b := make([]byte, 1<<20)
	return b[:runtime.Stack(b, true)]
}
