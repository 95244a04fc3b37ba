package loop

import (
	"testing"
	"time"

	"github.com/framerail/framerail/internal/platform"
	"github.com/framerail/framerail/internal/wheel"
)

// Ticks of 50 ms wrap after 6.8 years, which a server may well live to see.
func TestLoop_DeadlineAfterYears(t *testing.T) {
	if (platform.Real{}).Supported() != nil {
		t.Skip("no event loop")
	}
	l, err := newLoop(0, &Options{Platform: platform.Real{}})
	if err != nil {
		t.Fatal(err)
	}
	defer l.poll.Close()
	const year = 365 * 24 * time.Hour
	for _, age := range []time.Duration{0, year, 6 * year, 7 * year, 14 * year} {
		l.conns.Now = age
		l.timers.Wheel = wheel.New(wheel.Tick(age / wheel.Resolution))
		l.timers.Set(1, wheel.Ticks(age+5*time.Second))
		if ahead := l.deadline().Sub(l.clock.began) - age; ahead < 5*time.Second || ahead > 5*time.Second+2*wheel.Resolution {
			t.Errorf("at the age of %v a timer of 5 s is due in %v", age, ahead)
		}
	}
}
