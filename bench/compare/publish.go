//go:build linux

package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/framerail/framerail/bench/internal/report"
)

// publishCommand writes what a run has measured into the README.
type publishCommand struct {
	From   string `default:"bench/figures" help:"The directory with results.json."`
	README string `default:"bench/README.md" help:"The file whose generated section is to be replaced."`
	Busy   bool   `help:"Also if the machine had other work in the minute before the run, which had ended. The page says the load."`
}

// mostLoad is what else a machine may have done in the minute before a run.
const mostLoad = 0.7

func (p *publishCommand) Run() error {
	r, err := report.Read(filepath.Join(p.From, "results.json"))
	if err != nil {
		return err
	}
	if err := publishable(r, p.Busy); err != nil {
		return err
	}
	readme, err := os.ReadFile(p.README)
	if err != nil {
		return err
	}
	plots, err := filepath.Rel(filepath.Dir(p.README), p.From)
	if err != nil {
		return err
	}
	if _, err := r.Render(p.From); err != nil {
		return err
	}
	replaced, err := report.Replace(string(readme), r.Section(filepath.ToSlash(plots)))
	if err != nil {
		return err
	}
	return os.WriteFile(p.README, []byte(replaced), 0o644)
}

// publishable tells why a report must not be published. busy: not for other work before the run.
func publishable(r report.Report, busy bool) error {
	var errs []error
	if r.Short {
		errs = append(errs, errors.New("it was a short run"))
	}
	if n := r.Failed(); n > 0 {
		errs = append(errs, fmt.Errorf("%d times a server failed", n))
	}
	if r.Machine.Load > mostLoad && !busy {
		errs = append(errs, fmt.Errorf("the machine was busy: a load of %.1f before the run", r.Machine.Load))
	}
	for _, want := range rows() {
		if _, ok := r.Row(want.name); !ok {
			errs = append(errs, fmt.Errorf("the row %s is missing", want.name))
		}
	}
	return errors.Join(errs...)
}
