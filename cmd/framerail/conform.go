package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/framerail/framerail/cmd/internal/conform"
	"github.com/framerail/framerail/cmd/internal/conform/report"
)

// maxParallel bounds --parallel: each case holds a connection or two.
const maxParallel = 256

// conformCommand is "framerail conform".
type conformCommand struct {
	URL      string        `arg:"" optional:"" help:"The server, such as ws://127.0.0.1:9001/. It has to send back every message as it came."`
	Serve    listenAddr    `placeholder:"HOST:PORT" help:"Test clients instead, which ask for cases as they do of Autobahn's fuzzing server."`
	Cases    []string      `placeholder:"CASES" help:"Play only these: numbers or patterns with *, such as 6.*,7.5.1. Default: all."`
	Exclude  []string      `placeholder:"CASES" help:"Leave these out."`
	Parallel int           `default:"8" placeholder:"N" help:"Play so many cases at a time, but for those that have to be alone. Default: ${default}."`
	Patience time.Duration `default:"3s" placeholder:"TIME" help:"Wait for a server that does nothing for so long. Default: ${default}."`
	Messages int           `default:"1000" placeholder:"N" help:"Send so many messages in each case of 12.* and 13.*; fewer are faster and see less. Default: ${default}."`
	Insecure bool          `help:"Take any certificate of a wss:// server."`
	List     bool          `help:"Print the cases and play none."`
	report.Files

	selected []conform.Case
}

// Help is shown below the usage line of "framerail conform --help".
func (*conformCommand) Help() string {
	return "Cases with the numbers of the Autobahn testsuite expect what it expects; groups named by a word go beyond it.\n\n" +
		"With --serve, a client asks for /getCaseCount, then for /runCase?case=N&agent=NAME with N from 1, in which it sends back every message, " +
		"and at last for /updateReports?agent=NAME. The files have the report of the client that asked last.\n\n" +
		"It exits with 0 if every case has passed, with 1 if one has not, and with 2 if the server cannot be reached or a flag is wrong."
}

// Validate is called once the flags are parsed.
func (c *conformCommand) Validate() error {
	switch {
	case c.URL == "" && c.Serve == "" && !c.List:
		return errors.New("name a server by its URL, or an address with --serve")
	case c.URL != "" && c.Serve != "" && !c.List:
		return errors.New("a URL is of a server to test, and --serve is to test clients: not both")
	case c.Parallel < 1 || c.Parallel > maxParallel:
		return fmt.Errorf("--parallel must be from 1 to %d", maxParallel)
	case c.Messages < 1 || c.Messages > conform.DefaultMessages:
		return fmt.Errorf("--messages must be from 1 to %d", conform.DefaultMessages)
	case c.Patience <= 0:
		return errors.New("--patience must be positive")
	}
	var err error
	cases := conform.Cases()
	if c.Serve != "" {
		cases = conform.ForClients(cases)
	}
	c.selected, err = conform.Select(cases, c.Cases, c.Exclude)
	if err == nil && len(c.selected) == 0 {
		err = errors.New("no case is left to play")
	}
	return err
}

// errNotPassed ends the program with 1 and nothing more to say.
var errNotPassed = &exitError{status: exitFailed}

// Run plays the cases until they are done or SIGINT or SIGTERM comes, and shows what
// they came to.
func (c *conformCommand) Run(*slog.Logger) error {
	if c.List {
		for _, one := range c.selected {
			fmt.Printf("%-18s %s\n", one.ID, one.Title)
		}
		return nil
	}
	if err := c.Files.Check(); err != nil {
		return &exitError{exitUsage, err}
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()

	if c.Serve != "" {
		return c.serveClients(ctx)
	}

	progress := report.NewProgress(os.Stderr)
	runner := conform.Runner{
		URL: c.URL, Cases: c.selected, Parallel: c.Parallel, Patience: c.Patience, Messages: c.Messages,
		TLS:      &tls.Config{InsecureSkipVerify: c.Insecure},
		OnResult: progress.Done,
	}
	result, err := runner.Run(ctx)
	progress.Finish()
	if err != nil && len(result.Results) == 0 {
		return &exitError{exitUsage, err}
	}
	if ctx.Err() != nil {
		err = fmt.Errorf("interrupted: %d of %d cases were played", len(result.Results), len(c.selected))
	}
	err = errors.Join(err, c.show(&result))
	if err == nil && !result.Passed() {
		err = errNotPassed
	}
	return err
}

// show writes the table and the files.
func (c *conformCommand) show(result *conform.Report) error {
	result.Version = version()
	return errors.Join(report.WriteTable(os.Stdout, result, report.Plain(os.Stdout)), c.Files.Write(result))
}

// serveClients plays the cases against the clients that come until ctx is over. Each
// client's report is shown when it asks for it; files have that of the last one.
func (c *conformCommand) serveClients(ctx context.Context) error {
	ln, err := net.Listen("tcp", string(c.Serve))
	if err != nil {
		return &exitError{exitUsage, err}
	}
	passed := true
	srv := &conform.Server{
		Cases: c.selected, Patience: c.Patience, Messages: c.Messages,
		OnReport: func(result conform.Report) {
			fmt.Printf("\nclient %q\n", result.Agent) // quoted: it is what the client says
			if err := c.show(&result); err != nil {
				fmt.Fprintf(os.Stderr, "framerail: %v\n", err)
			}
			passed = passed && result.Passed()
		},
	}
	fmt.Printf("framerail conform: %d cases for clients on ws://%s\n", len(c.selected), ln.Addr())
	err = srv.Serve(ctx, ln)
	if err == nil && !passed {
		err = errNotPassed
	}
	return err
}

// exitError is an error with an exit status of its own. Without err there is nothing
// to print.
type exitError struct {
	status int
	err    error
}

func (e *exitError) Error() string {
	if e.err == nil {
		return ""
	}
	return e.err.Error()
}

func (e *exitError) Unwrap() error { return e.err }
