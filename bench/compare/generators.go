//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"

	"github.com/framerail/framerail/bench/internal/proc"
	"github.com/framerail/framerail/bench/internal/report"
	"github.com/framerail/framerail/conn"
	"github.com/framerail/framerail/server"
)

// generatorsCommand measures what programs that make load cost themselves.
type generatorsCommand struct {
	Conns      int           `default:"50" help:"Connections of each generator."`
	Size       int           `default:"20" help:"Bytes of each message."`
	Rounds     int           `default:"6" help:"Rounds that count."`
	Turn       time.Duration `default:"4s" help:"How long each runs in a round."`
	ServerCore int           `default:"0" help:"Core of the server, which echoes and counts."`
	ClientCore int           `default:"1" help:"Core of the generators."`
	Verify     string        `default:"sequence" enum:"off,sequence,full" help:"What framerail load looks at of an echo: ${enum}."`
	Other      []string      `sep:"none" placeholder:"NAME=COMMAND" help:"Another generator. In its command {url}, {port}, {conns} and {size} are replaced. It runs until it is interrupted. The first is what the others are compared with."`
}

// generator is a program that makes load.
type generator struct {
	name    string
	command []string
	costs   []float64 // microseconds of CPU for each message, by round
}

func (g *generatorsCommand) Run(ctx context.Context) error { return g.run(ctx, os.Stdout) }

func (g *generatorsCommand) run(ctx context.Context, out io.Writer) (err error) {
	if g.Rounds < 1 {
		return errors.New("nothing to measure: it takes a round")
	}
	dir, err := os.MkdirTemp("", "generators")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	program := filepath.Join(dir, "framerail")
	if text, err := exec.CommandContext(ctx, "go", "build", "-o", program, "github.com/framerail/framerail/cmd/framerail").CombinedOutput(); err != nil {
		return fmt.Errorf("go build: %w\n%s", err, text)
	}
	all, err := g.generators(program)
	if err != nil {
		return err
	}
	if err := pinAll(g.ServerCore); err != nil {
		return err
	}
	echo, err := countEchoes()
	if err != nil {
		return err
	}
	defer echo.stop()
	for round := range g.Rounds + 1 { // the first is to warm up
		for i := range all {
			one := all[(round+i)%len(all)]
			cost, err := g.measure(ctx, echo, one.command)
			if err != nil {
				return fmt.Errorf("%s: %w", one.name, err)
			}
			if round > 0 {
				one.costs = append(one.costs, cost)
			}
		}
	}
	writeCosts(out, all)
	return nil
}

// generators are those of the command line, the first of which is what the others are compared with, and framerail load.
func (g *generatorsCommand) generators(program string) (all []*generator, err error) {
	for _, text := range g.Other {
		name, command, ok := strings.Cut(text, "=")
		if !ok || name == "" || command == "" {
			return nil, fmt.Errorf("%q is not NAME=COMMAND", text)
		}
		all = append(all, &generator{name: name, command: strings.Fields(command)})
	}
	return append(all, &generator{name: "framerail load", command: []string{
		program, "load", "{url}", "-c", "{conns}", "--size", "{size}", "-d", "1h", "--verify", g.Verify, "-q",
	}}), nil
}

// measure runs a generator for a turn, and returns the CPU that it took for each message.
func (g *generatorsCommand) measure(ctx context.Context, echo *counter, command []string) (micros float64, err error) {
	port := strconv.Itoa(echo.port)
	replace := strings.NewReplacer("{url}", "ws://127.0.0.1:"+port+"/", "{port}", port, "{conns}", strconv.Itoa(g.Conns), "{size}", strconv.Itoa(g.Size))
	var args []string
	for _, arg := range command {
		args = append(args, replace.Replace(arg))
	}
	cmd := exec.CommandContext(ctx, args[0], args[1:]...)
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	cmd.WaitDelay = 10 * time.Second
	if err := startOn(g.ClientCore, cmd); err != nil {
		return 0, err
	}
	defer func() {
		_ = cmd.Process.Signal(os.Interrupt)
		_ = cmd.Wait() // an interrupted program fails, or does not
	}()
	time.Sleep(g.Turn / 4) // it starts, and dials
	ran, came, err := echo.look(cmd.Process.Pid)
	if err != nil {
		return 0, err
	}
	time.Sleep(g.Turn)
	ranSince, cameSince, err := echo.look(cmd.Process.Pid)
	if err != nil {
		return 0, err
	}
	n := cameSince - came
	if n == 0 {
		return 0, errors.New("no message comes from it, or it has ended")
	}
	return float64(ranSince.Since(ran).Nanoseconds()) / 1000 / float64(n), nil
}

// look reads what a process has used, and how many messages have come.
func (c *counter) look(pid int) (ran proc.Threads, came int64, err error) {
	ran, err = proc.RunTime(pid)
	return ran, c.count.Load(), err
}

// writeCosts writes a line for each generator.
func writeCosts(out io.Writer, all []*generator) {
	for _, g := range all {
		var ratios []float64
		for i, cost := range g.costs {
			ratios = append(ratios, cost/all[0].costs[i])
		}
		cost, ratio := report.NewFigure(g.costs), report.NewFigure(ratios)
		fmt.Fprintf(out, "%-20s %.2f µs a message (%.2f to %.2f), %.2f times %s (%.2f to %.2f)\n", g.name,
			cost.Median, cost.Low, cost.High, ratio.Median, all[0].name, ratio.Low, ratio.High)
	}
}

// counter is an echo server in this process that counts.
type counter struct {
	port  int
	count atomic.Int64
	srv   *server.Server
	ended chan error
}

func countEchoes() (*counter, error) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	c := &counter{port: ln.Addr().(*net.TCPAddr).Port, ended: make(chan error, 1)}
	c.srv = &server.Server{
		Loops: 1, OriginPatterns: []string{"*"},
		OnMessage: func(ws *conn.Conn, m conn.Message) {
			c.count.Add(1)
			_ = ws.SendMessage(m)
		},
	}
	go func() { c.ended <- c.srv.Serve(ln) }()
	return c, nil
}

func (c *counter) stop() {
	c.srv.Close()
	<-c.ended
}

// pinAll puts all threads of this process on one core, and so those that they start. A core below 0 is any.
func pinAll(core int) error {
	if core < 0 {
		return nil
	}
	threads, err := os.ReadDir("/proc/self/task")
	if err != nil {
		return err
	}
	var one unix.CPUSet
	one.Set(core)
	for _, t := range threads {
		tid, err := strconv.Atoi(t.Name())
		if err != nil {
			return err
		}
		if err := unix.SchedSetaffinity(tid, &one); err != nil && !errors.Is(err, unix.ESRCH) {
			return fmt.Errorf("core %d: sched_setaffinity: %w", core, err)
		}
	}
	return nil
}
