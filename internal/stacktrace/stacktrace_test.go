package stacktrace

import (
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
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
	for end := time.Now().Add(time.Minute); ; time.Sleep(time.Millisecond) {
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

// A function that is renamed or moved would show in every stack from then on.
func TestOwn_FunctionsAreThere(t *testing.T) {
	for _, name := range own {
		path := strings.TrimPrefix(name, "github.com/framerail/framerail/")
		slash := strings.LastIndexByte(path, '/') + 1
		dir, function, _ := strings.Cut(path[slash:], ".")
		declaration := regexp.MustCompile("(?m)^" + declarationOf(strings.TrimSuffix(function, ".")))
		files, err := filepath.Glob(filepath.Join("..", "..", path[:slash]+dir, "*.go"))
		if err != nil {
			t.Fatal(err)
		}
		if !slices.ContainsFunc(files, func(file string) bool {
			source, err := os.ReadFile(file)
			return err == nil && declaration.Match(source)
		}) {
			t.Errorf("nothing declares %s", name)
		}
	}
}

// declarationOf is how a function is declared that stacks call f, T.m or (*T).m, as a regular
// expression; for none it is that of a package.
func declarationOf(function string) string {
	at := strings.LastIndexByte(function, '.')
	switch {
	case function == "":
		return "package "
	case at < 0:
		return "func " + function + `\(`
	}
	receiver := strings.Trim(function[:at], "()")
	return `func \(\w+ ` + regexp.QuoteMeta(receiver) + `\) ` + function[at+1:] + `\(`
}
