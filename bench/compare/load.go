//go:build linux

package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/framerail/framerail/bench/internal/load"
	"github.com/framerail/framerail/bench/internal/wire"
)

// loadCommand plays the clients of one server, in a process of its own, so that it
// can have a core of its own. For each line of standard input, which is a
// duration, it keeps messages going for that long and answers with a slice.
type loadCommand struct {
	Addr   string `required:"" help:"The server's address."`
	Conns  int    `required:"" help:"Connections."`
	Size   int    `required:"" help:"Payload of each message, in bytes."`
	Binary bool   `help:"Send binary messages, not text."`
	Offer  string `help:"Offer of extensions."`
	Secure bool   `help:"Speak TLS."`
}

// slice is what happened in one stretch of time.
type slice struct {
	Messages int
	Elapsed  time.Duration
	Received int64 // bytes, frames and all
}

func (l *loadCommand) Run() (err error) {
	opcode := byte(wire.Text)
	if l.Binary {
		opcode = wire.Binary
	}
	clients, err := load.Dial(load.Options{Addr: l.Addr, Conns: l.Conns, Opcode: opcode, Size: l.Size, Offer: l.Offer, Secure: l.Secure})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, clients.Close()) }()
	fmt.Println("ready")

	answer := json.NewEncoder(os.Stdout)
	lines := bufio.NewScanner(os.Stdin)
	for lines.Scan() {
		d, err := time.ParseDuration(lines.Text())
		if err != nil {
			return err
		}
		start := time.Now()
		received := clients.Received
		messages, err := clients.PingPong(d)
		if err != nil {
			return err
		}
		if err := answer.Encode(slice{messages, time.Since(start), clients.Received - received}); err != nil {
			return err
		}
	}
	return lines.Err()
}
