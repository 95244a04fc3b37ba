//go:build linux

package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strconv"
	"time"

	"golang.org/x/sys/unix"

	"github.com/framerail/framerail/bench/internal/load"
	"github.com/framerail/framerail/bench/internal/wire"
)

// workload is what the clients of one measurement do.
type workload struct {
	Conns    int           `default:"50" help:"Connections."`
	Warmup   time.Duration `default:"300ms" help:"Time before the measurement, not counted."`
	Duration time.Duration `default:"1s" help:"Time of one measurement."`
	Binary   bool          `help:"Send binary messages, not text."`
}

// figures is the result of one measurement.
type figures struct {
	Messages int
	Elapsed  time.Duration
	User     time.Duration // of the server
	System   time.Duration // of the server
	Client   time.Duration // user and system together
}

// loadCommand plays the clients, in a process of its own, so that it can have a
// core of its own. The server's CPU is read here, in the moments at which the
// measurement begins and ends.
type loadCommand struct {
	workload
	Addr string `required:"" help:"The server's address."`
	PID  int    `name:"pid" required:"" help:"The server's process id."`
	Size int    `required:"" help:"Payload of each message, in bytes."`
}

func (l *loadCommand) Run() (err error) {
	opcode := byte(wire.Text)
	if l.Binary {
		opcode = wire.Binary
	}
	clients, err := load.Dial(load.Options{Addr: l.Addr, Conns: l.Conns, Opcode: opcode, Size: l.Size})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, clients.Close()) }()
	if _, err := clients.PingPong(l.Warmup); err != nil {
		return err
	}

	user, system, err := cpuTime(l.PID)
	if err != nil {
		return err
	}
	client, err := ownTime()
	if err != nil {
		return err
	}
	start := time.Now()
	messages, err := clients.PingPong(l.Duration)
	if err != nil {
		return err
	}
	f := figures{Messages: messages, Elapsed: time.Since(start)}
	if f.Client, err = ownTime(); err != nil {
		return err
	}
	f.Client -= client
	if f.User, f.System, err = cpuTime(l.PID); err != nil {
		return err
	}
	f.User -= user
	f.System -= system
	return json.NewEncoder(os.Stdout).Encode(f)
}

func ownTime() (time.Duration, error) {
	var usage unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_SELF, &usage); err != nil {
		return 0, fmt.Errorf("getrusage: %w", err)
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano()), nil
}

// runLoad runs loadCommand on a core of its own against s.
func runLoad(ctx context.Context, core int, s *server, w workload, size int) (f figures, err error) {
	// A server or client that hangs must not hang the run.
	ctx, cancel := context.WithTimeout(ctx, w.Warmup+w.Duration+time.Minute)
	defer cancel()
	args := []string{
		"load", "--addr", s.addr, "--pid", strconv.Itoa(s.pid()), "--size", strconv.Itoa(size),
		"--conns", strconv.Itoa(w.Conns), "--warmup", w.Warmup.String(), "--duration", w.Duration.String(),
	}
	if w.Binary {
		args = append(args, "--binary")
	}
	cmd, err := self(ctx, core, args...)
	if err != nil {
		return f, err
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		return f, err
	}
	if err := startOn(core, cmd); err != nil {
		return f, err
	}
	decoded := json.NewDecoder(stdout).Decode(&f)
	if err := cmd.Wait(); err != nil {
		return f, fmt.Errorf("load: %w", err)
	}
	return f, decoded
}
