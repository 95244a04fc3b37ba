package stacktrace

import (
	"regexp"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"
)

// programs end in several ways; where they do is the first that is said.
func TestPanic_BeginsAtTheProgram(t *testing.T) {
	var none *strings.Builder
	for name, f := range map[string]func(){
		"panic":    func() { panic("on purpose") },
		"nil":      func() { none.Grow(0); none.WriteByte(0) },
		"division": func() { zero := 0; _ = 1 / zero },
		"again": func() {
			defer func() { panic(recover()) }()
			panic("on purpose")
		},
	} {
		var got string
		func() {
			defer func() {
				_ = recover()
				got = Panic()
			}()
			f()
		}()
		expectLine(t, name, got)
	}
	got := make(chan string)
	go func() {
		defer func() { got <- Panic() }()
		runtime.Goexit()
	}()
	expectLine(t, "Goexit", <-got)
}

func expectLine(t *testing.T, name, got string) {
	t.Helper()
	first, _, _ := strings.Cut(got, " < ")
	if strings.ContainsAny(got, "\n\t") || !strings.Contains(got, "stacktrace.Test") || strings.HasPrefix(first, "runtime.") {
		t.Errorf("%s: %s", name, got)
	}
	if name != "nil" && !regexp.MustCompile(`^github.com/framerail/framerail/internal/stacktrace\.\S+ \S+stacktrace_test.go:\d+$`).MatchString(first) {
		t.Errorf("%s begins with %s", name, first)
	}
}

func TestGoroutine_BeginsAtTheProgram(t *testing.T) {
	var mu sync.Mutex
	mu.Lock()
	defer mu.Unlock()
	go waitForLock(&mu)
	buf := make([]byte, 1<<20)
	for end := time.Now().Add(10 * time.Second); ; time.Sleep(time.Millisecond) {
		for one := range strings.SplitSeq(string(buf[:runtime.Stack(buf, true)]), "\n\n") {
			if strings.Contains(one, "stacktrace.waitForLock") && strings.Contains(one, "Mutex") {
				if got := Goroutine(one); !strings.HasPrefix(got, "github.com/framerail/framerail/internal/stacktrace.waitForLock ") || strings.Contains(got, "created by") {
					t.Errorf("%s\nof\n%s", got, one)
				}
				return
			}
		}
		if time.Now().After(end) {
			t.Fatal("no goroutine waits")
		}
	}
}

func waitForLock(mu *sync.Mutex) {
	mu.Lock()
	defer mu.Unlock()
}

// What calls callbacks is not of the program.
func TestGoroutine_EndsWhereCallbacksAreCalled(t *testing.T) {
	got := Goroutine("goroutine 7 [sleep]:\ntime.Sleep(0x1)\n\t/go/time.go:1 +0x2\nmain.slow(...)\n\t/m/main.go:3 +0x4\nmain.(*chat).hear(0x1, {0x2, 0x3})\n\t/m/main.go:9\n" +
		"github.com/framerail/framerail/internal/session.event.call(0x1)\n\t/f/internal/session/conn_event.go:1 +0x1\nmain.main()\n\t/m/main.go:1 +0x1")
	if want := "main.slow /m/main.go:3 < main.(*chat).hear /m/main.go:9"; got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}
