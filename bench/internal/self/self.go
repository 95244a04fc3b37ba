// Package self runs the very program that calls it a second time, with other
// arguments, as a process of its own. The two talk in lines.
package self

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"time"
)

// Process ends with the program that started it: its standard input is a pipe from
// there. It is for one goroutine at a time.
type Process struct {
	// First is the line with which it says that it is ready.
	First string

	cmd    *exec.Cmd
	stdin  io.WriteCloser
	stdout *bufio.Reader
}

// Start runs the program with these arguments and waits for its first line. prepare,
// which may be nil, changes the command before it starts; run starts it, as
// (*exec.Cmd).Start does. The caller must Stop the process.
func Start(ctx context.Context, args []string, prepare func(*exec.Cmd), run func(*exec.Cmd) error) (*Process, error) {
	path, err := os.Executable()
	if err != nil {
		return nil, err
	}
	cmd := exec.CommandContext(ctx, path, args...)
	cmd.Stderr = os.Stderr
	if prepare != nil {
		prepare(cmd)
	}
	stdin, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := run(cmd); err != nil {
		return nil, err
	}
	p := &Process{cmd: cmd, stdin: stdin, stdout: bufio.NewReader(stdout)}
	if p.First, err = p.line(); err != nil {
		return nil, errors.Join(fmt.Errorf("%s %s did not start: %w", cmd.Path, strings.Join(args, " "), err), p.Stop(time.Second))
	}
	return p, nil
}

// Pid is the number of the process.
func (p *Process) Pid() int { return p.cmd.Process.Pid }

// Ask sends one line and waits for the answer.
func (p *Process) Ask(line string) (answer string, err error) {
	if _, err := fmt.Fprintln(p.stdin, line); err != nil {
		return "", err
	}
	return p.line()
}

func (p *Process) line() (string, error) {
	line, err := p.stdout.ReadString('\n')
	return strings.TrimSpace(line), err
}

// Stop ends the process by closing its standard input; one that does not end by
// itself is killed once patience has passed. The error is that of the process too.
func (p *Process) Stop(patience time.Duration) error {
	kill := time.AfterFunc(patience, func() { p.cmd.Process.Kill() })
	defer kill.Stop()
	return errors.Join(p.stdin.Close(), p.cmd.Wait())
}

// asProgram is set in the environment of a test binary that is to be the program.
const asProgram = "FRAMERAIL_BENCH_AS_PROGRAM"

// Main is the TestMain of a program whose tests start it: m is the *testing.M, program
// its main function, which the test binary is in a process that Start made.
func Main(m interface{ Run() int }, program func()) {
	if os.Getenv(asProgram) != "" {
		program()
		return
	}
	if err := os.Setenv(asProgram, "1"); err != nil {
		panic(err)
	}
	os.Exit(m.Run())
}
