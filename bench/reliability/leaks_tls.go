//go:build linux

package main

import (
	"io"
	"math/rand/v2"
)

// livesBelowTLS are those that end before TLS is agreed on, or against its rules.
var livesBelowTLS = []lifeOfAKind{
	{name: "comes and goes without TLS", below: true, live: func(*client, string, *rand.Rand) error { return nil }},
	{name: "half a ClientHello", below: true, live: func(c *client, _ string, r *rand.Rand) error {
		_, err := c.Write(clientHello()[:1+r.IntN(len(clientHello())-1)])
		return err
	}},
	{name: "a ClientHello, and a reset", below: true, live: func(c *client, _ string, _ *rand.Rand) error {
		if _, err := c.Write(clientHello()); err != nil {
			return err
		}
		_, err := c.in.ReadByte()
		return err
	}},
	{name: "HTTP where TLS is spoken", below: true, live: answered(plain("Connection: close"))},
	{name: "a record that is none", live: opened("/", func(c *client, _ *rand.Rand) error {
		if _, err := io.WriteString(c.tcp, "\x17\x03\x03\x00\x10this is no record"); err != nil {
			return err
		}
		_, _ = io.Copy(io.Discard, c.in) // which ends with an alert
		return nil
	})},
}
