//go:build linux

package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"time"

	"github.com/framerail/framerail/server"
)

// generationCommand is an echo server that another one takes the place of. It reads
// one line of standard input: at "restart" it starts its successor, in every case it
// drains, prints how that went, and ends. The successor reads the next line.
//
// Broken, it closes the listener first, and the successor binds the address again.
type generationCommand struct {
	Addr    string `arg:"" help:"Where the first one listens, and each that is broken."`
	Inherit bool   `help:"Serve descriptor 4."`
	Later   bool   `help:"Tell by descriptor 3 that it serves, not by the address."`
	Break   bool   `help:"Bind anew."`
}

// generationEnd is what it prints in the end.
type generationEnd struct {
	Drain server.Drain
	Err   string
}

func (g *generationCommand) Run(ctx context.Context) error {
	ln, err := g.listen()
	if err != nil {
		return err
	}
	srv := newLocal(ctx)
	served := make(chan error, 1)
	go func() { served <- srv.Serve(ln) }()
	if g.Later {
		err = tell(os.NewFile(3, "ready"))
	} else {
		_, err = fmt.Println(ln.Addr())
	}
	if err != nil {
		return err
	}
	restart := readLine(os.Stdin) == "restart"
	if restart && !g.Break {
		files, err := srv.ListenerFiles()
		if err != nil {
			return err
		}
		if err := g.succeed(ln.Addr().String(), files); err != nil {
			return err
		}
	}
	until, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	var end generationEnd
	end.Drain, err = srv.Shutdown(until)
	if err := errors.Join(err, <-served); !errors.Is(err, server.ErrServerClosed) || end.Drain.Open > 0 {
		end.Err = err.Error()
	}
	if restart && g.Break {
		if err := g.succeed(ln.Addr().String(), nil); err != nil {
			return err
		}
	}
	return json.NewEncoder(os.Stdout).Encode(end)
}

func (g *generationCommand) listen() (net.Listener, error) {
	if g.Inherit {
		f := os.NewFile(4, "listener")
		defer f.Close()
		return net.FileListener(f)
	}
	return net.Listen("tcp", g.Addr)
}

// succeed starts the next one and waits until it serves. It shares standard input
// and output with this one.
func (g *generationCommand) succeed(addr string, listeners []*os.File) error {
	path, err := os.Executable()
	if err != nil {
		return err
	}
	ready, report, err := os.Pipe()
	if err != nil {
		return err
	}
	defer ready.Close()
	next := exec.Command(path, "generation", addr, "--later")
	if g.Break {
		next.Args = append(next.Args, "--break")
	} else {
		next.Args = append(next.Args, "--inherit")
	}
	next.Stdin, next.Stdout, next.Stderr = os.Stdin, os.Stdout, os.Stderr
	next.ExtraFiles = append([]*os.File{report}, listeners...)
	err = next.Start()
	for _, f := range next.ExtraFiles {
		f.Close()
	}
	if err != nil {
		return err
	}
	if err := ready.SetReadDeadline(time.Now().Add(patience)); err != nil {
		return err
	}
	if _, err := ready.Read(make([]byte, 1)); err != nil {
		return fmt.Errorf("the next one does not serve: %w", errors.Join(err, next.Process.Kill()))
	}
	return nil
}

func tell(ready *os.File) error {
	_, err := ready.Write([]byte{1})
	return errors.Join(err, ready.Close())
}

// readLine reads no more than one line: the rest is for the successor.
func readLine(r io.Reader) (line string) {
	for b := make([]byte, 1); ; line += string(b) {
		if _, err := io.ReadFull(r, b); err != nil || b[0] == '\n' {
			return line
		}
	}
}
