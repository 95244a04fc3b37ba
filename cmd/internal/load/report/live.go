package report

import (
	"fmt"
	"io"
	"os"
	"time"

	"github.com/schollz/progressbar/v3"
	"golang.org/x/term"

	"github.com/framerail/framerail/cmd/internal/load"
)

// Live shows a run while it goes on: on a terminal one line that changes, elsewhere one line after
// the other.
type Live struct {
	to          io.Writer
	terminal    bool
	width       int // of the terminal, if it is known
	mode        load.Mode
	connections int
	duration    time.Duration
	messages    int64
	bar         *progressbar.ProgressBar
	sending     bool
}

// NewLive shows a run on f.
func NewLive(f *os.File, c *load.Config) *Live {
	l := &Live{
		to: f, terminal: os.Getenv("TERM") != "dumb" && term.IsTerminal(int(f.Fd())),
		mode: c.Mode, connections: c.Connections, duration: c.Duration, messages: c.Messages,
	}
	if width, _, err := term.GetSize(int(f.Fd())); err == nil {
		l.width = width
	}
	return l
}

// full is the length of a bar.
const full = 1000

// Interval is [load.Config]'s OnInterval.
func (l *Live) Interval(i load.Interval) {
	line := Line(l.mode, &i)
	if !l.terminal {
		fmt.Fprintln(l.to, line)
		return
	}
	if l.bar == nil || i.At > 0 && !l.sending {
		l.sending = i.At > 0
		l.Finish()
		l.bar = l.newBar()
	}
	l.bar.Describe(l.cut(line))
	_ = l.bar.Set(int(min(l.done(&i), 0.999) * full)) // a terminal that has gone is no reason to stop
}

// besides is how many columns a bar takes besides its text.
const besides = 20

// cut returns as much of a line as fits before the bar, so that it does not wrap.
func (l *Live) cut(line string) string {
	if l.width <= besides {
		return line
	}
	runes := []rune(line)
	return string(runes[:min(len(runes), l.width-besides)])
}

// done is the part of the run, or of the dials before it, that is over.
func (l *Live) done(i *load.Interval) float64 {
	if i.At == 0 {
		return float64(i.Open) / float64(l.connections)
	}
	done := float64(i.At) / float64(l.duration)
	if l.messages > 0 {
		done = max(done, float64(i.Total.Sent)/float64(l.messages))
	}
	return done
}

func (l *Live) newBar() *progressbar.ProgressBar {
	return progressbar.NewOptions(full,
		progressbar.OptionSetWriter(l.to),
		progressbar.OptionSetTheme(progressbar.Theme{
			Saucer: "━", SaucerHead: "━", SaucerPadding: " ", BarStart: "▕", BarEnd: "▏",
		}),
		progressbar.OptionSetWidth(8),
		progressbar.OptionSetElapsedTime(false),
		progressbar.OptionSetPredictTime(false),
		progressbar.OptionClearOnFinish(),
	)
}

// Finish takes the line away.
func (l *Live) Finish() {
	if l.bar != nil {
		_ = l.bar.Finish()
		l.bar = nil
	}
}
