package servertest

import (
	"strings"
	"testing"
	"time"

	"github.com/framerail/framerail/conn"
	"github.com/framerail/framerail/server"
)

// What waits for something real holds up the simulation. The watchdog says so, and where.
func TestWatchdog_FindsWhatIsBlocked(t *testing.T) {
	block := make(chan string) // what the watchdog says frees what is blocked
	got := ""
	onMessage := func(d conn.Dispatch) func() {
		srv := &server.Server{Dispatch: d, Logger: quiet}
		srv.OnMessage = func(*conn.Conn, conn.Message) { got = blockHere(block) }
		return func() {
			sim := watched(t, srv, block)
			sim.Dial("/").SendText("x")
			sim.Settle()
		}
	}
	for name, run := range map[string]func(){
		"callback_on_the_loop":    onMessage(conn.OnLoop),
		"callback_on_a_goroutine": onMessage(conn.OnGoroutines),
		"function_of_Go": func() {
			sim := watched(t, &server.Server{Logger: quiet}, block)
			sim.Go(func() { got = blockHere(block) })
			sim.Settle()
		},
	} {
		got = ""
		run()
		for _, want := range []string{"blocked for 10s", "chan receive", "blockHere", "Sim.WaitFor"} {
			if !strings.Contains(got, want) {
				t.Errorf("%s: no %q in %q", name, want, got)
			}
		}
	}
}

// watched is New with a watchdog that looks often, and sends what it finds.
func watched(t *testing.T, srv *server.Server, found chan<- string) *Sim {
	sim := newSim(1)
	sim.watchdog.every = time.Millisecond
	sim.watchdog.fail = func(what string) { found <- what }
	newHost(sim, srv).serve(sim)
	t.Cleanup(func() {
		if err := sim.Close(); err != nil {
			t.Error(err)
		}
	})
	return sim
}

func blockHere(block <-chan string) string { return <-block }

// What computes for long is not blocked, nor is what the simulation itself has put to sleep.
func TestWatchdog_LeavesOthersAlone(t *testing.T) {
	for stack, want := range map[string]bool{
		"goroutine 7 [chan receive]:\nmain.f()":            true,
		"goroutine 7 [chan send (nil chan), 2 minutes]:\n": true,
		"goroutine 7 [select]:\n":                          true,
		"goroutine 7 [sync.Mutex.Lock]:\n":                 true,
		"goroutine 7 [sleep]:\n":                           true,
		"goroutine 7 [IO wait]:\n":                         true,
		"goroutine 7 [running]:\n":                         false,
		"goroutine 7 [runnable]:\n":                        false,
		"goroutine 7 [GC assist wait]:\n":                  false,
		"goroutine 7 [coroutine]:\n":                       false,
		"":                                                 false,
	} {
		if isWaiting(stack) != want {
			t.Errorf("%q: waiting is %v", stack, !want)
		}
	}
	number := goroutineNumber()
	if stack := stackOf(number); !strings.Contains(stack, "TestWatchdog_LeavesOthersAlone") {
		t.Errorf("the stack of goroutine %d is %q", number, stack)
	}
	if stack := stackOf(0); stack != "" {
		t.Errorf("the stack of none is %q", stack)
	}
}

// The watchdog looks on while strands run, one for however long, and rests with the simulation.
func TestWatchdog_Rests(t *testing.T) {
	w := new(watchdog)
	w.init()
	w.every = time.Hour // the test looks itself
	w.fail = func(what string) { t.Error(what) }
	computing := new(worker)
	computing.goroutine.Store(goroutineNumber())
	looks := func(n int, armed bool) {
		t.Helper()
		for range n {
			w.look()
		}
		if w.armed.Load() != armed {
			t.Errorf("it will look again: %v, want %v", !armed, armed)
		}
	}
	w.begin(computing)
	looks(10*stuckLooks, true)
	w.end()
	looks(1, true)
	looks(1, false)
	w.begin(computing)
	w.end()
	looks(1, true)
	looks(1, false)
}
