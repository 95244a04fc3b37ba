//go:build linux

package main

import (
	"context"
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"github.com/framerail/framerail/bench/internal/report"
	"github.com/framerail/framerail/bench/peers"
)

// contender is a server that takes part: one of the peers, or another that runs already.
type contender struct {
	name       string
	library    string
	compresses bool
	secure     bool
	other      *other
}

func ofPeer(p peers.Peer) contender {
	return contender{name: p.Name, library: p.Library, compresses: p.Compresses, secure: p.Secure}
}

// other is a server that somebody has started, of any library. It must do what the peers do
// in the rows it takes part in.
type other struct {
	name string
	addr string
	pid  int // 0: not known, so that its CPU and memory are not measured
}

// suffixes of names say what a server does, and so in which sections it takes part.
var suffixes = map[string][]string{
	"":                 {sectionEcho, sectionConnections, sectionSparse, sectionCores, sectionFloor, sectionPipelined, sectionHandshakes, sectionText, sectionLatency, sectionMemory},
	"-tls":             {sectionTLS},
	"-takeover":        {sectionTakeover},
	"-alone":           {sectionAlone},
	"-broadcast":       {sectionBroadcast},
	"-broadcast-alone": {sectionBroadcastAlone},
	"-sleep":           {sectionBlocking},
	"-stall":           {sectionStall},
	"-compute":         {sectionCompute},
}

// UnmarshalText reads NAME=ADDR or NAME=ADDR,PID.
func (o *other) UnmarshalText(text []byte) error {
	name, place, found := strings.Cut(string(text), "=")
	addr, pid, hasPid := strings.Cut(place, ",")
	if _, err := netip.ParseAddrPort(addr); err != nil || !found || name == "" {
		return fmt.Errorf("%q is not NAME=ADDRESS:PORT or NAME=ADDRESS:PORT,PID", text)
	}
	*o = other{name: name, addr: addr}
	if !hasPid {
		return nil
	}
	var err error
	if o.pid, err = strconv.Atoi(pid); err != nil {
		return fmt.Errorf("%q is not the number of a process", pid)
	}
	return nil
}

// contender tells whether the server takes part in a section, and as what.
func (o *other) contender(section string) (contender, bool) {
	library := report.Server{Name: o.name}.Column()
	suffix := strings.TrimPrefix(o.name, library)
	c := contender{name: o.name, library: library, other: o}
	c.secure = suffix == "-tls"
	c.compresses = suffix == "-takeover" || strings.HasSuffix(suffix, "-alone")
	return c, slices.Contains(suffixes[suffix], section)
}

// running is a contender's server.
type running struct {
	addr string
	pid  int
	stop func() error
	// collect has garbage collected. Nil: it cannot be.
	collect func() error
}

// start has the server run on a core, or on any for -1. program is that of the server alone,
// or "" for this one, for which further arguments are.
func (c contender) start(ctx context.Context, core int, program string, further ...string) (*running, error) {
	if c.other != nil {
		return &running{addr: c.other.addr, pid: c.other.pid, stop: func() error { return nil }}, nil
	}
	args := append([]string{"serve", "--lifeline", c.name}, further...)
	if program != "" {
		args = nil
	}
	s, err := start(ctx, core, program, args...)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", c.name, err)
	}
	collect := func() error {
		_, err := s.Ask("collect")
		return err
	}
	return &running{s.First, s.Pid(), s.stop, collect}, nil
}
