package load

import (
	"crypto/tls"
	"errors"
	"net/http"
	"net/netip"
	"runtime"
	"time"

	"github.com/framerail/framerail/client"
)

// Mode says what connections do.
type Mode string

const (
	Echo    Mode = "echo"    // send messages that the server sends back
	Send    Mode = "send"    // send messages, and count what comes
	Receive Mode = "receive" // send nothing, and count what comes
	Fanout  Mode = "fanout"  // some publish, and all get what they have published
)

// Verify says what is looked at of a message that comes.
type Verify string

const (
	Full     Verify = "full"     // sequence, length, type and checksum
	Sequence Verify = "sequence" // all but the checksum
	Nothing  Verify = "off"      // each message is the answer to the oldest that has none
)

// Dialling says how connections are made.
type Dialling struct {
	URL         string
	Connections int
	// RampUp is the time over which the dials are spread.
	RampUp time.Duration
	// Sources are this side's addresses, which dials take in turn. One address has some 28,000
	// ports. None: the system's choice.
	Sources      []netip.Addr
	Header       http.Header
	Subprotocols []string
	TLS          *tls.Config
	Deflate      client.Deflate
}

// Traffic says what is sent. Sizes must be set.
type Traffic struct {
	Mode  Mode
	Sizes Sizes
	// Rate is how many messages a second are sent in all. 0: as fast as answers come.
	Rate float64
	// Pipeline is how many messages of a connection may wait for their answers. 0: 1, or 1,024
	// with a Rate.
	Pipeline int
	// Publishers is how many connections publish with Fanout. 0: 1.
	Publishers int
	Binary     bool
	Verify     Verify
	// Template is the text around each message, which stands in place of its {}. Empty: none.
	Template string
	// Hello are texts that each connection sends first.
	Hello []string
	Seed  uint64
}

// Config is a run.
type Config struct {
	Dialling
	Traffic

	// Duration is the time in which messages are sent, from when all connections are open.
	Duration time.Duration
	// Messages ends the run when so many have been sent in all. 0: Duration alone does.
	Messages int64
	// Patience is how long answers that are missing are waited for at the end, and the closing
	// handshakes after them.
	Patience time.Duration
	// Loops is the number of event loops. 0: 1.
	Loops int
	// PID is the server's process, whose CPU and memory are measured. 0: they are not.
	PID int
	// Every is the length of an interval. OnInterval gets each when it is over. 0: a second.
	Every      time.Duration
	OnInterval func(Interval)
}

// withDefaults fills in what is zero.
func (c Config) withDefaults() Config {
	c.Loops = max(c.Loops, 1)
	c.Publishers = max(c.Publishers, 1)
	if c.Every <= 0 {
		c.Every = time.Second
	}
	if c.Mode == "" {
		c.Mode = Echo
	}
	if c.Verify == "" {
		c.Verify = Full
	}
	if c.Pipeline <= 0 {
		c.Pipeline = 1
		if c.Rate > 0 {
			c.Pipeline = 1024
		}
	}
	return c
}

// validate refuses what cannot be run.
func (c *Config) validate() error {
	switch {
	case c.Connections < 1:
		return errors.New("no connections are asked for")
	case c.Mode == Fanout && c.Publishers > c.Connections:
		return errors.New("there are more publishers than connections")
	case c.Mode == Fanout && c.Rate == 0:
		return errors.New("publishing needs a rate: nothing answers a publisher")
	case c.Mode == Fanout && c.Verify == Nothing:
		return errors.New("deliveries are found by what is verified of them")
	case c.Mode == Echo && len(c.Hello) > 0:
		return errors.New("a text to begin with would be sent back, as if nothing had asked for it")
	case c.Rate < 0 || c.Duration < 0 || c.Messages < 0:
		return errors.New("the rate, the duration or the number of messages is negative")
	}
	return nil
}

// senders is how many of n connections send.
func (c *Config) senders(n int) int {
	switch c.Mode {
	case Receive:
		return 0
	case Fanout:
		return min(c.Publishers, n)
	}
	return n
}

// cores is how many cores the loops can use.
func (c *Config) cores() int { return min(c.Loops, runtime.GOMAXPROCS(0)) }
