package loop

import (
	"log/slog"
	"testing"
	"time"

	"github.com/framerail/framerail/internal/platform"
)

// A watchdog sleeps while all of its loops do, so an idle server does not wake the process. It awakes with the first.
func TestWatchdog_SleepsWhileTheLoopsDo(t *testing.T) {
	p := platform.Real{}
	if err := p.Supported(); err != nil {
		t.Skip(err)
	}
	all, _, err := New(2, &Options{Platform: p, Logger: slog.New(slog.DiscardHandler), SlowCallback: 100 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	Start(all)
	t.Cleanup(func() {
		for _, l := range all {
			l.Command(Abort)
			<-l.Done()
		}
	})
	for i := range 4 {
		eventually(t, "it to sleep", all[0].watchdog.idle.Load)
		func() {
			at, release := make(chan bool), make(chan bool)
			defer close(release)
			all[i%2].Ask(func() { close(at); <-release })
			<-at
			eventually(t, "it to be awake", func() bool { return !all[0].watchdog.idle.Load() })
		}()
	}
}
