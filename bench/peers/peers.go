// Package peers lists the servers that framerail is compared with, and framerail's own,
// behind one small interface. The servers of each library are in a package of their own.
//
// Each server is set up the way its own documentation recommends for speed with many
// connections; the comment of each New says which recommendation that is. All of them take
// messages of up to [peer.MaxMessage] bytes, only those of Compressing negotiate compression,
// and none checks more than its defaults check: framerail and nbio verify that text is
// UTF-8, the others leave it out.
package peers

import (
	"fmt"
	"runtime/debug"
	"slices"
	"strings"

	"github.com/framerail/framerail/bench/peers/centrifuge"
	"github.com/framerail/framerail/bench/peers/coder"
	"github.com/framerail/framerail/bench/peers/floor"
	"github.com/framerail/framerail/bench/peers/framerail"
	"github.com/framerail/framerail/bench/peers/gobwas"
	"github.com/framerail/framerail/bench/peers/gorilla"
	"github.com/framerail/framerail/bench/peers/gws"
	"github.com/framerail/framerail/bench/peers/nbio"
	"github.com/framerail/framerail/bench/peers/peer"
)

// Server is a server of one library.
type Server = peer.Server

// Peer names one library and makes servers with it.
type Peer struct {
	Name    string        // the name used on the command line and in tables
	Library string        // the library, one of those below
	New     func() Server // a fresh server for one listener
	// Compresses tells that the server accepts permessage-deflate, and that clients
	// are to offer it.
	Compresses bool
	// Secure tells that the server speaks TLS.
	Secure bool
}

// modules has the module of each library, whose version is reported.
var modules = map[string]string{
	"framerail":  "github.com/framerail/framerail",
	"gws":        "github.com/lxzan/gws",
	"gorilla":    "github.com/gorilla/websocket",
	"coder":      "github.com/coder/websocket",
	"gobwas":     "github.com/gobwas/ws",
	"nbio":       "github.com/lesismal/nbio",
	"centrifuge": "github.com/centrifugal/centrifuge",
}

// library is what each library has under its own name.
type library struct {
	name string
	new  func(peer.Options) Server
}

var libraries = []library{
	{"framerail", framerail.New},
	{"gws", gws.New},
	{"gorilla", gorilla.New},
	{"coder", coder.New},
	{"gobwas", gobwas.New},
	{"nbio", nbio.New},
}

// All returns the servers that echo, in the order in which tables list them, framerail
// first. The slice is the caller's.
func All() []Peer {
	list := each("", peer.Options{})
	list = slices.Insert(list, 1, ours("-goroutines", framerail.NewGoroutines, peer.Options{}), ours("-adaptive", framerail.NewAdaptive, peer.Options{}))
	return append(list, Peer{Name: "nbio-blocking", Library: "nbio", New: echoing(nbio.NewBlocking)})
}

// Broadcasting returns servers that send each message to all connections, framerail's by a loop over them
// and by a topic, and centrifuge's hub. The slice is the caller's.
func Broadcasting() []Peer {
	o := peer.Options{Work: peer.Broadcast}
	list := slices.Insert(each("-broadcast", o), 1, ours("-topics-broadcast", framerail.NewTopics, o))
	return append(list, Peer{Name: "centrifuge-broadcast", Library: "centrifuge", New: with(centrifuge.New, o)})
}

// BroadcastingDeflated returns the same servers, if they compress. No message refers to an earlier one, so that
// those that frame a message once also compress it once. The slice is the caller's.
func BroadcastingDeflated() []Peer {
	o := peer.Options{Work: peer.Broadcast, Deflate: peer.Alone}
	list := slices.Insert(each("-broadcast-alone", o), 1, ours("-topics-broadcast-alone", framerail.NewTopics, o))
	list = slices.DeleteFunc(list, func(p Peer) bool { return p.Library == "gobwas" })
	for i := range list {
		list[i].Compresses = true
	}
	return list
}

// Sleeping returns servers whose callbacks take [peer.Nap]. The slice is the caller's.
func Sleeping() []Peer {
	o := peer.Options{Work: peer.Sleep}
	return slices.Insert(each("-sleep", o), 1, ours("-adaptive-sleep", framerail.NewAdaptive, o))
}

// Stalling returns servers in which a message of [peer.Odd] bytes keeps its callback waiting, and
// framerail's in all ways that it has. The slice is the caller's.
func Stalling() []Peer { return holdingUp("-stall", peer.Stall) }

// Computing returns the same for callbacks that compute.
func Computing() []Peer { return holdingUp("-compute", peer.Compute) }

func holdingUp(suffix string, work peer.Work) []Peer {
	o := peer.Options{Work: work}
	return slices.Insert(each(suffix, o), 1,
		ours("-goroutines"+suffix, framerail.NewGoroutines, o), ours("-adaptive"+suffix, framerail.NewAdaptive, o))
}

// ours is a server of framerail's.
func ours(suffix string, make func(peer.Options) Server, o peer.Options) Peer {
	return Peer{Name: "framerail" + suffix, Library: "framerail", New: with(make, o)}
}

// each returns a server of each library.
func each(suffix string, o peer.Options) []Peer {
	var list []Peer
	for _, l := range libraries {
		list = append(list, Peer{Name: l.name + suffix, Library: l.name, New: with(l.new, o)})
	}
	return list
}

func with(make func(peer.Options) Server, o peer.Options) func() Server {
	return func() Server { return make(o) }
}

func echoing(make func(peer.Options) Server) func() Server { return with(make, peer.Options{}) }

// Compressing returns the servers that compress, framerail first: "takeover" those in
// which a message may refer to earlier ones, both ways, in windows of 15 bits if nothing
// else is said, "alone" those in which none may.
// All compress at level 1, which is the default of each. gobwas/ws leaves compression to
// the program. The slice is the caller's.
func Compressing() []Peer {
	takeover, alone := peer.Options{Deflate: peer.Takeover}, peer.Options{Deflate: peer.Alone}
	list := []Peer{
		{Name: "framerail-takeover", Library: "framerail", New: with(framerail.New, takeover)},
		{Name: "framerail-takeover-12", Library: "framerail", New: func() Server { return framerail.NewTakeover(12) }},
		{Name: "framerail-takeover-9", Library: "framerail", New: func() Server { return framerail.NewTakeover(9) }},
		{Name: "framerail-alone", Library: "framerail", New: with(framerail.New, alone)},
		{Name: "gws-takeover", Library: "gws", New: with(gws.New, takeover)},
		{Name: "coder-takeover", Library: "coder", New: with(coder.New, takeover)},
		{Name: "gws-alone", Library: "gws", New: with(gws.New, alone)},
		{Name: "gorilla-alone", Library: "gorilla", New: with(gorilla.New, alone)},
		{Name: "coder-alone", Library: "coder", New: with(coder.New, alone)},
		{Name: "nbio-alone", Library: "nbio", New: with(nbio.New, alone)},
	}
	for i := range list {
		list[i].Compresses = true
	}
	return list
}

// Secure returns servers over TLS, framerail first: nbio with its own, the others behind a
// listener of crypto/tls, all with the same certificate. The slice is the caller's.
func Secure() []Peer {
	behind := func(make func(peer.Options) Server) func() Server {
		return func() Server { return peer.BehindTLS{Server: make(peer.Options{})} }
	}
	return []Peer{
		{Name: "framerail-tls", Library: "framerail", Secure: true, New: framerail.NewTLS},
		{Name: "gws-tls", Library: "gws", Secure: true, New: behind(gws.New)},
		{Name: "gorilla-tls", Library: "gorilla", Secure: true, New: behind(gorilla.New)},
		{Name: "coder-tls", Library: "coder", Secure: true, New: behind(coder.New)},
		{Name: "gobwas-tls", Library: "gobwas", Secure: true, New: behind(gobwas.New)},
		{Name: "nbio-tls", Library: "nbio", Secure: true, New: echoing(nbio.NewTLS)},
	}
}

// Upgrading returns framerail inside net/http, as the libraries are that upgrade in an
// HTTP handler, over TCP and over TLS of net/http's, which moves to the event loop or is
// bridged to it; and then the same with compression, as in Compressing. The slice is the
// caller's.
func Upgrading() []Peer {
	var list []Peer
	for _, d := range []struct {
		suffix  string
		deflate peer.Deflate
	}{{"", peer.NoDeflate}, {"-takeover", peer.Takeover}} {
		compresses := d.deflate != peer.NoDeflate
		add := func(name string, secure bool, make func(peer.Options) Server) {
			list = append(list, Peer{"framerail-nethttp" + name + d.suffix, "framerail", with(make, peer.Options{Deflate: d.deflate}), compresses, secure})
		}
		add("", false, framerail.InHTTP)
		add("-tls", true, framerail.InHTTPS)
		add("-tls-bridged", true, framerail.Bridged)
	}
	return list
}

// Handshaking returns a server that is made for handshakes alone.
func Handshaking() []Peer {
	return []Peer{{Name: "gws-server", Library: "gws", New: echoing(gws.NewServer)}}
}

// Floors are no servers but the least that an echo can cost on linux, in the two ways to wait that Go has: see
// [floor.New] and [floor.NewParked]. Linux only.
func Floors() []Peer {
	return []Peer{{Name: "floor", New: floor.New}, {Name: "floor-parked", New: floor.NewParked}}
}

// Every returns all servers there are. The slice is the caller's.
func Every() []Peer {
	return slices.Concat(All(), Broadcasting(), BroadcastingDeflated(), Sleeping(), Stalling(), Computing(), Compressing(), Secure(), Upgrading(), Handshaking(), Floors())
}

// InProcess are those of the servers that may run in the process of a test. Under the race
// detector nbio may not: it has races, and only its own code is hidden from the detector.
func InProcess(list []Peer) []Peer {
	return slices.DeleteFunc(list, func(p Peer) bool { return underRaceDetector && p.Library == "nbio" })
}

// Names returns the names of some peers, in the same order.
func Names(of []Peer) []string {
	var names []string
	for _, p := range of {
		names = append(names, p.Name)
	}
	return names
}

// ByName returns the peer called name, or an error that lists the names there are.
func ByName(name string) (Peer, error) {
	every := Every()
	for _, p := range every {
		if p.Name == name {
			return p, nil
		}
	}
	return Peer{}, fmt.Errorf("no peer %q; there are %s", name, strings.Join(Names(every), ", "))
}

// Version returns the version of the peer's module that this program was built
// with, or "tree" for the checkout it was built from.
func (p Peer) Version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "unknown"
	}
	for _, dep := range info.Deps {
		if dep.Path == modules[p.Library] && dep.Replace == nil && dep.Version != "(devel)" {
			return dep.Version
		}
	}
	return "tree"
}
