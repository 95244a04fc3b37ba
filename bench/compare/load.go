//go:build linux

package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"runtime"
	"time"

	"github.com/framerail/framerail/bench/internal/load"
)

// loadCommand plays the clients of one server, in a process of its own, so that it
// can have a core of its own. For each line of standard input, which is a
// duration, it makes load for that long and answers with a [load.Slice].
type loadCommand struct {
	Options string `arg:"" help:"The load, as JSON."`
}

func (l *loadCommand) Run() (err error) {
	var o load.Options
	if err := json.Unmarshal([]byte(l.Options), &o); err != nil {
		return err
	}
	runtime.LockOSThread()
	driver, err := load.Start(o)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, driver.Close()) }()
	fmt.Println("ready")

	answer := json.NewEncoder(os.Stdout)
	lines := bufio.NewScanner(os.Stdin)
	for lines.Scan() {
		d, err := time.ParseDuration(lines.Text())
		if err != nil {
			return err
		}
		slice, err := driver.Run(d)
		if err != nil {
			return err
		}
		if err := answer.Encode(slice); err != nil {
			return err
		}
	}
	return lines.Err()
}
