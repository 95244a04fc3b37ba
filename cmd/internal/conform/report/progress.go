package report

import (
	"fmt"
	"io"
	"os"
	"time"

	"github.com/schollz/progressbar/v3"

	"github.com/framerail/framerail/cmd/internal/conform"
)

// redraw is how often the bar is drawn at most: cases of a millisecond come in
// hundreds.
const redraw = 50 * time.Millisecond

// Progress is a bar with how many cases are done and how many of them have not
// passed. Its methods are called one after the other.
type Progress struct {
	to     io.Writer // nil without a terminal
	bar    *progressbar.ProgressBar
	redraw time.Duration
	failed int
}

// NewProgress returns a bar that shows on f from the first result on if f is a
// terminal, else nothing at all.
func NewProgress(f *os.File) *Progress {
	if !moves(f) {
		return new(Progress)
	}
	return &Progress{to: f, redraw: redraw}
}

// Done is told of a result. It is [conform.Runner]'s OnResult.
func (p *Progress) Done(done, total int, r conform.Result) {
	if p.to == nil {
		return
	}
	if p.bar == nil {
		p.bar = p.newBar(total)
	}
	if !r.Passed() {
		p.failed++
	}
	p.bar.Describe(p.describe(r.ID))
	_ = p.bar.Set(done) // a terminal that has gone is no reason to stop
}

func (p *Progress) newBar(total int) *progressbar.ProgressBar {
	return progressbar.NewOptions(total,
		progressbar.OptionSetWriter(p.to),
		progressbar.OptionSetTheme(progressbar.Theme{
			Saucer: "━", SaucerHead: "━", SaucerPadding: " ", BarStart: "▕", BarEnd: "▏",
		}),
		progressbar.OptionSetWidth(30),
		progressbar.OptionShowCount(),
		progressbar.OptionSetPredictTime(false), // cases differ by a factor of a thousand
		progressbar.OptionThrottle(p.redraw),
		progressbar.OptionClearOnFinish(),
	)
}

// describe has a fixed width, so that the bar stands still.
func (p *Progress) describe(id string) string {
	if p.failed == 0 {
		return fmt.Sprintf("%-14s", cut(id, 14))
	}
	return fmt.Sprintf("%-14s %s failed", cut(id, 14), count(p.failed))
}

// Finish takes the bar away, at the end or before it.
func (p *Progress) Finish() {
	if p.bar != nil {
		_ = p.bar.Finish()
	}
}
