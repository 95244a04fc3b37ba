//go:build linux

package main

import (
	"fmt"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/framerail/framerail/bench/internal/load"
	"github.com/framerail/framerail/bench/internal/wire"
	"github.com/framerail/framerail/bench/peers"
	"github.com/framerail/framerail/bench/peers/peer"
)

// row is one measurement: a name, a load, and who takes part.
type row struct {
	name    string
	section string
	place   int // on the axis of the section's plot
	load    load.Options
	servers []peers.Peer
	// turn is how long a turn is, as a multiple of the usual. Zero: once.
	turn int
	// cores is how many cores the server may use. Zero: one, its own. With more it is not pinned, and the clients'
	// core may be among them.
	cores int
	// memory: the load is opened once and then idle, and memory is measured in place of CPU.
	memory bool
}

// Sections, in the order of the report.
const (
	sectionEcho           = "echo"
	sectionConnections    = "connections"
	sectionSparse         = "sparse"
	sectionCores          = "cores"
	sectionPipelined      = "pipelined"
	sectionHandshakes     = "handshakes"
	sectionBroadcast      = "broadcast"
	sectionBroadcastAlone = "broadcast-alone"
	sectionTLS            = "tls"
	sectionTakeover       = "takeover"
	sectionAlone          = "alone"
	sectionText           = "text"
	sectionGoroutines     = "goroutines"
	sectionNetHTTP        = "nethttp"
	sectionFloor          = "floor"
	sectionBlocking       = "blocking"
	sectionStall          = "stall"
	sectionCompute        = "compute"
	sectionLatency        = "latency"
	sectionMemory         = "memory"
)

// each makes a row for each number.
func each(numbers []int, make func(n int) row) (rows []row) {
	for _, n := range numbers {
		rows = append(rows, make(n))
	}
	return rows
}

// rows is the table of all measurements that this machine can make. A server on all cores takes the clients' core
// from them. That spoils latencies, so a paced row leaves one core free. CPU is counted for each process.
func rows() []row {
	all := slices.Concat(messageRows(), connectionRows(), otherRows(), memoryRows())
	return slices.DeleteFunc(all, func(r row) bool {
		most := runtime.NumCPU()
		if r.load.Kind == load.Paced {
			most--
		}
		return r.cores > most
	})
}

func messageRows() []row {
	few := map[int]int{256 << 10: 16, 1 << 20: 8} // connections, where 50 would not fit into the caches
	return slices.Concat(
		each([]int{20, 125, 1 << 10, 4 << 10, 16 << 10, 64 << 10, 128 << 10, 256 << 10, 1 << 20}, func(size int) row {
			conns := 50
			if n := few[size]; n > 0 {
				conns = n
			}
			return row{name: "echo-" + bytesName(size), section: sectionEcho, place: size, servers: onLoops(), load: load.Options{Kind: load.Echo, Conns: conns, Size: size}}
		}),
		each([]int{20, 1 << 10}, func(size int) row {
			return row{name: "pipelined-" + bytesName(size), section: sectionPipelined, place: size, servers: onLoops(), load: load.Options{Kind: load.Echo, Conns: 50, Size: size, Flight: 16}}
		}),
		each([]int{20, 1 << 10, 16 << 10}, func(size int) row {
			return row{name: "tls-" + bytesName(size), section: sectionTLS, place: size, servers: overTLS(), load: load.Options{Kind: load.Echo, Conns: 50, Size: size}}
		}),
		each([]int{300, 1 << 10, 16 << 10}, func(size int) row {
			return row{name: "takeover-" + bytesName(size), section: sectionTakeover, place: size, servers: withSuffix("-takeover"), load: load.Options{Kind: load.Echo, Conns: 50, Size: size}}
		}),
		each([]int{300, 1 << 10, 16 << 10}, func(size int) row {
			return row{name: "alone-" + bytesName(size), section: sectionAlone, place: size, servers: withSuffix("-alone"), load: load.Options{Kind: load.Echo, Conns: 50, Size: size}}
		}),
		each([]int{16 << 10}, func(size int) row {
			return row{name: "cyrillic-" + bytesName(size), section: sectionText, servers: onLoops(), load: load.Options{Kind: load.Echo, Conns: 50, Size: size, Text: load.Cyrillic}}
		}),
		each([]int{1 << 10}, func(size int) row {
			return row{name: "nethttp-" + bytesName(size), section: sectionNetHTTP, servers: inHTTP(), load: load.Options{Kind: load.Echo, Conns: 50, Size: size}}
		}),
		each([]int{20, 1 << 10, 16 << 10}, func(size int) row {
			return row{name: "goroutines-" + bytesName(size), section: sectionGoroutines, place: size, servers: besideTheLoop(), load: load.Options{Kind: load.Echo, Conns: 50, Size: size}}
		}),
	)
}

func connectionRows() []row {
	return each([]int{1, 10, 100, 1000, 5000, 10000, 15000}, func(conns int) row {
		return row{name: fmt.Sprintf("connections-%d", conns), section: sectionConnections, place: conns, servers: onLoopsAndFloors(),
			turn: 1 + conns/3000, load: load.Options{Kind: load.Echo, Conns: conns, Size: 100}}
	})
}

func otherRows() []row {
	return []row{
		{name: "sparse-1", section: sectionSparse, servers: onLoopsAndFloors(), turn: 3, load: load.Options{Kind: load.Paced, Conns: 1, Size: 100, Rate: 1000}},
		{name: "sparse-10000", section: sectionSparse, servers: onLoopsAndFloors(), turn: 3, load: load.Options{Kind: load.Paced, Conns: 10000, Size: 100, Rate: 1000}},
		{name: "echo-20B-500", section: sectionConnections, servers: onLoopsAndFloors(), load: load.Options{Kind: load.Echo, Conns: 500, Size: 20}},
		{name: "echo-20B-2cores", section: sectionCores, servers: onLoops(), cores: 2, load: load.Options{Kind: load.Echo, Conns: 50, Size: 20}},
		{name: "floor-20B", section: sectionFloor, servers: withFloor(), load: load.Options{Kind: load.Echo, Conns: 50, Size: 20}},
		{name: "handshakes", section: sectionHandshakes, servers: append(onLoops(), peers.Handshaking()...), load: load.Options{Kind: load.Handshake, Conns: 32}},
		broadcast("broadcast-1000", sectionBroadcast, peers.Broadcasting(), 1000, 100),
		broadcast("broadcast-1000-1KiB", sectionBroadcast, peers.Broadcasting(), 1000, 1<<10),
		broadcast("broadcast-10000", sectionBroadcast, peers.Broadcasting(), 10000, 100),
		broadcast("broadcast-10000-1KiB", sectionBroadcast, peers.Broadcasting(), 10000, 1<<10),
		broadcast("broadcast-alone-1000", sectionBroadcastAlone, peers.BroadcastingDeflated(), 1000, 100),
		broadcast("broadcast-alone-1000-1KiB", sectionBroadcastAlone, peers.BroadcastingDeflated(), 1000, 1<<10),
		broadcast("broadcast-alone-10000", sectionBroadcastAlone, peers.BroadcastingDeflated(), 10000, 100),
		broadcast("broadcast-alone-10000-1KiB", sectionBroadcastAlone, peers.BroadcastingDeflated(), 10000, 1<<10),
		{name: "goroutines-1", section: sectionGoroutines, servers: besideTheLoop(), load: load.Options{Kind: load.Echo, Conns: 1, Size: 20}},
		{name: "blocking-1000", section: sectionBlocking, servers: peers.Sleeping(), load: load.Options{Kind: load.Echo, Conns: 1000, Size: 100}},
		{name: "blocking-paced", section: sectionBlocking, servers: peers.Sleeping(), load: load.Options{Kind: load.Paced, Conns: 1000, Size: 100, Rate: 10000}},
		{name: "stall-1000", section: sectionStall, servers: peers.Stalling(), load: oddly(100)},
		{name: "compute-1", section: sectionCompute, servers: peers.Computing(), load: oddly(100)},
		{name: "compute-2", section: sectionCompute, servers: peers.Computing(), cores: 2, load: oddly(100)},
		{name: "latency-1000", section: sectionLatency, servers: peers.All(), turn: 5,
			load: load.Options{Kind: load.Paced, Conns: 1000, Size: 100, Rate: 10000, Large: 64 << 10, Every: 10}},
	}
}

// broadcast is a message to many connections.
func broadcast(name, section string, servers []peers.Peer, conns, size int) row {
	return row{name: name, section: section, servers: servers, turn: 1 + conns/5000,
		load: load.Options{Kind: load.Broadcast, Conns: conns, Size: size}}
}

// oddly is a load in which one message in so many keeps its callback, and the latency of the others counts.
func oddly(every int) load.Options {
	return load.Options{Kind: load.Paced, Conns: 1000, Size: 100, Rate: 1000, Large: peer.Odd, Every: every, Others: true}
}

func memoryRows() []row {
	memory := func(name, section string, servers []peers.Peer, conns int) row {
		return row{name: fmt.Sprintf("%s-%d", name, conns), section: section, place: conns, servers: servers, memory: true, load: load.Options{Kind: load.Echo, Conns: conns, Size: 100}}
	}
	return append(
		each([]int{1000, 5000, 10000, 15000, 19000}, func(conns int) row { return memory("memory", sectionMemory, onLoops(), conns) }),
		memory("memory-goroutines", sectionGoroutines, onGoroutines(), 10000),
		memory("memory-tls", sectionTLS, overTLS(), 2000),
		memory("memory-takeover", sectionTakeover, withSuffix("-takeover"), 1000),
		memory("memory-alone", sectionAlone, withSuffix("-alone"), 1000),
	)
}

// onLoops are the libraries, each with callbacks on its loop if it has one, and nbio in the
// other of its two ways.
func onLoops() []peers.Peer {
	return slices.DeleteFunc(peers.All(), func(p peers.Peer) bool { return p.Library == "framerail" && p.Name != "framerail" })
}

// onGoroutines are the libraries with callbacks on goroutines.
func onGoroutines() []peers.Peer {
	return slices.DeleteFunc(besideTheLoop(), func(p peers.Peer) bool { return p.Library == "framerail" && p.Name != "framerail-goroutines" })
}

// besideTheLoop are the libraries with callbacks that may block, and framerail with callbacks on its loop.
func besideTheLoop() []peers.Peer {
	return slices.DeleteFunc(peers.All(), func(p peers.Peer) bool { return p.Name == "nbio" })
}

// inHTTP are those that upgrade requests of net/http's.
func inHTTP() []peers.Peer {
	all := append(peers.Upgrading(), peers.All()...)
	return slices.DeleteFunc(all, func(p peers.Peer) bool {
		return !slices.Contains([]string{"framerail-nethttp", "gws", "gorilla", "coder"}, p.Name)
	})
}

// onLoopsAndFloors are those of onLoops, and the floors.
func onLoopsAndFloors() []peers.Peer { return append(onLoops(), peers.Floors()...) }

// withFloor is framerail between gws and what are no servers.
func withFloor() []peers.Peer {
	return append(slices.DeleteFunc(peers.All(), func(p peers.Peer) bool { return p.Name != "framerail" && p.Name != "gws" }), peers.Floors()...)
}

// overTLS are the libraries over TLS, and framerail inside net/http over TLS.
func overTLS() []peers.Peer {
	return slices.Concat(peers.Secure(), slices.DeleteFunc(peers.Upgrading(), func(p peers.Peer) bool { return !p.Secure || p.Compresses }))
}

// withSuffix are the servers that compress, of one way. framerail is also there with the
// window that gws has, which is an eighth of the largest.
func withSuffix(suffix string) []peers.Peer {
	return slices.DeleteFunc(peers.Compressing(), func(p peers.Peer) bool {
		return !strings.HasSuffix(p.Name, suffix) && !strings.HasSuffix(p.Name, suffix+"-12")
	})
}

// words describes the load.
func (r row) words() string {
	o := r.load
	text := ""
	switch {
	case r.memory:
		return fmt.Sprintf("%s, idle after one echo of %s", connections(o.Conns), bytesWords(o.Size))
	case o.Kind == load.Handshake:
		return fmt.Sprintf("connect, upgrade, Close frames, %d at a time", o.Conns)
	case o.Kind == load.Broadcast:
		return fmt.Sprintf("%s to %s, for each delivery", bytesWords(o.Size), connections(o.Conns))
	case o.Others:
		text = fmt.Sprintf("%d messages/s of %s; one in %d %s", o.Rate, bytesWords(o.Size), o.Every, r.keeps())
	case o.Every > 0:
		text = fmt.Sprintf("%d messages/s, one in %d of them %s, the others %s", o.Rate, o.Every, bytesWords(o.Large), bytesWords(o.Size))
	case o.Kind == load.Paced:
		text = fmt.Sprintf("%d messages/s of %s in all", o.Rate, bytesWords(o.Size))
	case o.Text == load.Cyrillic:
		text = bytesWords(o.Size) + " of Russian"
	case o.Flight > 1:
		text = fmt.Sprintf("%s, %d under way on each", bytesWords(o.Size), o.Flight)
	default:
		text = bytesWords(o.Size)
	}
	if r.cores > 1 && o.Kind == load.Echo {
		text += fmt.Sprintf(" on %d cores, which the clients use too", r.cores)
	}
	return text + ", " + connections(o.Conns)
}

// keeps says for how long a message keeps its callback.
func (r row) keeps() string {
	if r.section == sectionStall {
		return fmt.Sprintf("waits for %v, and the others are timed", peer.Wait)
	}
	return fmt.Sprintf("computes for %v on %d cores at most, and the others are timed", peer.Effort, max(r.cores, 1))
}

func connections(n int) string {
	if n == 1 {
		return "1 connection"
	}
	return fmt.Sprintf("%d connections", n)
}

// bytesName is a size in the name of a row, bytesWords in a sentence.
func bytesName(n int) string { return strings.ReplaceAll(bytesWords(n), " ", "") }

func bytesWords(n int) string {
	switch {
	case n >= 1<<20 && n%(1<<20) == 0:
		return fmt.Sprintf("%d MiB", n>>20)
	case n >= 1<<10 && n%(1<<10) == 0:
		return fmt.Sprintf("%d KiB", n>>10)
	}
	return fmt.Sprintf("%d B", n)
}

// optionsFor is the load for one server.
func (r row) optionsFor(addr string, s contender) load.Options {
	o := r.load
	o.Addr, o.Secure = addr, s.secure
	if s.compresses {
		o.Offer = wire.Offer
	}
	return o
}

// turns is how long a turn of the row is.
func (r row) turns(usual time.Duration) time.Duration { return usual * time.Duration(max(r.turn, 1)) }
