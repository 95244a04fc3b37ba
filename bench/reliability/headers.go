//go:build linux

package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"syscall"

	"github.com/framerail/framerail/bench/internal/wire"
	"github.com/framerail/framerail/server"
)

// headersCommand sends requests whose heads are too long, have too many lines, or have
// no end, and then heads of two lengths, in small pieces, to a server that takes long
// ones. Broken, the limits are raised, and a server looks at each head from its
// start with every piece.
type headersCommand struct {
	scale
	Conns int     `default:"1000" help:"Requests of each kind."`
	MiB   int     `default:"64" help:"How much is sent of each length to find the CPU for a byte."`
	Ratio float64 `default:"2" help:"How much more a byte of a long head may cost than one of a short head."`
}

const (
	// headersLimit and headersLines are the server's defaults.
	headersLimit = 8 << 10
	headersLines = 100
	// headersPiece is how much is sent at a time, in bytes.
	headersPiece = 512
	// headersShort and headersLong are the two lengths.
	headersShort = 16 << 10
	headersLong  = 1 << 20
)

func (b *headersCommand) Run(ctx context.Context) error {
	if b.Short {
		b.Conns, b.MiB = 40, 8
	}
	v := new(verdict)
	limits := setup{Program: "echo"}
	lengths := setup{Program: "echo", Limits: server.Limits{MaxHandshakeBytes: headersLong}}
	if b.Break {
		limits.MaxHandshakeBytes, limits.MaxHandshakeHeaders = headersLong, 10*headersLines
		lengths = setup{Faulty: "forgetful"}
	}
	refused := 0
	err := withServer(ctx, v, limits, func(p *process) (err error) {
		refused, err = b.refusals(ctx, v, p.addr)
		return err
	})
	if err != nil {
		return err
	}
	var short, long float64
	err = withServer(ctx, v, lengths, func(p *process) (err error) {
		if short, err = b.perByte(ctx, p, headersShort); err == nil {
			long, err = b.perByte(ctx, p, headersLong)
		}
		return err
	})
	if err != nil {
		return err
	}
	v.measure(long <= b.Ratio*short, "a byte of a head of 1 MiB takes %.1f ns, one of 16 KiB %.1f ns", long, short)
	return v.finish("%d requests of 8 KiB + 1, of 101 lines, of 1 MiB without a line's end: all refused with 431 or 400, and closed; CPU %.1f ns a byte in heads of 16 KiB, %.1f ns in heads of 1 MiB",
		refused, short, long)
}

// refusals sends what is over the limits, whole and in pieces.
func (b *headersCommand) refusals(ctx context.Context, v *verdict, addr string) (refused int, err error) {
	base := strings.TrimSuffix(string(wire.Request(addr, "/")), "\r\n")
	lines := strings.Count(base, "\r\n") - 1 // without the request line
	fill := headersLimit + 1 - len(base) - len("Cookie: \r\n\r\n")
	for name, request := range map[string]string{
		"8 KiB + 1":                  base + "Cookie: " + strings.Repeat("c", fill) + "\r\n\r\n",
		"101 lines":                  base + strings.Repeat("A: b\r\n", headersLines+1-lines) + "\r\n",
		"1 MiB without a line's end": "GET /" + strings.Repeat("p", headersLong),
	} {
		for _, piece := range []int{len(request), headersPiece} {
			err := each(ctx, b.Conns, 16, func(ctx context.Context, i int) error {
				c, err := connect(ctx, addr)
				if err != nil {
					return err
				}
				defer c.Close()
				err = c.refusedFor([]byte(request), piece)
				v.expect(err == nil, "%s, in pieces of %d: %v", name, piece, err)
				return nil
			})
			if err != nil {
				return refused, err
			}
			refused += b.Conns
		}
	}
	return refused, nil
}

// refusedFor sends a request, as far as the server takes it, and wants it refused and
// the connection closed.
func (c *client) refusedFor(request []byte, piece int) error {
	for len(request) > 0 {
		n, err := c.Write(request[:min(piece, len(request))])
		if err != nil {
			break // refused already: the answer is there to be read
		}
		request = request[n:]
	}
	answer, err := c.in.ReadString('\n')
	if answer == "" && errors.Is(err, syscall.ECONNRESET) {
		return nil // it sent on and on: the end has overtaken the answer
	}
	if err != nil {
		return err
	}
	if _, status, _ := strings.Cut(answer, " "); !strings.HasPrefix(status, "431 ") && !strings.HasPrefix(status, "400 ") {
		return fmt.Errorf("answered with %q", answer)
	}
	if _, err = io.Copy(io.Discard, c.in); errors.Is(err, syscall.ECONNRESET) {
		err = nil
	}
	return err
}

// perByte is the server's CPU for a byte of heads that long, in ns. None comes to its
// end: the client closes when the last piece is sent.
func (b *headersCommand) perByte(ctx context.Context, p *process, length int) (ns float64, err error) {
	before, err := p.cpu()
	if err != nil {
		return 0, err
	}
	head := bytes.Repeat([]byte{'p'}, length-2) // the limit is not to be reached
	copy(head, "GET /")
	total := b.MiB << 20
	err = each(ctx, total/length, 2, func(ctx context.Context, _ int) error {
		c, err := connect(ctx, p.addr)
		if err != nil {
			return err
		}
		defer c.Close()
		for rest := head; len(rest) > 0; {
			n, err := c.Write(rest[:min(headersPiece, len(rest))])
			if err != nil {
				return err
			}
			rest = rest[n:]
		}
		// The server has read it all when it has seen the end, and closes in turn.
		if err := c.closeWrite(); err != nil {
			return err
		}
		_, err = io.Copy(io.Discard, c.in)
		if errors.Is(err, syscall.ECONNRESET) {
			err = nil
		}
		return err
	})
	if err != nil {
		return 0, err
	}
	after, err := p.cpu()
	return float64(after-before) / float64(total), err
}
