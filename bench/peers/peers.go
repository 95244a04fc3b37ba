// Package peers holds one echo server for each WebSocket library that framerail
// is compared with, and framerail's own, behind one small interface.
//
// Each server is set up the way its own documentation recommends for a server
// with many connections; the comment above each constructor says which
// recommendation that is. All of them take messages of up to MaxMessage bytes, only
// those of Compressing negotiate compression, and none checks more than its defaults
// check: framerail always verifies that text is UTF-8, the peers leave it out.
package peers

import (
	"fmt"
	"net"
	"runtime/debug"
	"slices"
	"strings"
)

// MaxMessage is the largest message, in bytes, that every server here accepts
// and echoes. It is set alike for all, because the defaults run from 32 KiB to
// no limit at all.
const MaxMessage = 32 << 20

// Server is one echo server. It answers every text or binary message with the
// same bytes under the same type.
type Server interface {
	// Serve accepts connections from ln until Close is called, and then
	// returns nil.
	Serve(ln net.Listener) error
	// Close stops accepting and closes the listener. Connections that the
	// server no longer tracks live on until their clients leave.
	Close() error
}

// Peer names one library and makes echo servers with it.
type Peer struct {
	Name   string        // the name used on the command line and in tables
	Module string        // the module whose version is reported
	New    func() Server // a fresh server for one listener
	// Compresses tells that the server accepts permessage-deflate, and that clients
	// are to offer it.
	Compresses bool
	// Secure tells that the server speaks TLS.
	Secure bool
}

// All returns the peers in the order in which tables list them, framerail
// first. The slice is the caller's.
func All() []Peer {
	return []Peer{
		{"framerail", moduleFramerail, newFramerail, false, false},
		{"framerail-goroutines", moduleFramerail, newFramerailGoroutines, false, false},
		{"gws", moduleGWS, newGWS, false, false},
		{"gorilla", moduleGorilla, newGorilla, false, false},
		{"coder", moduleCoder, newCoder, false, false},
		{"gobwas", "github.com/gobwas/ws", newGobwas, false, false},
	}
}

// Compressing returns the servers that compress, framerail first: "takeover" those in
// which a message may refer to earlier ones, both ways, in windows of 15 bits if nothing
// else is said, "alone" those in which none may.
// All compress at level 1, which is the default of each. gobwas/ws leaves compression to
// the program. The slice is the caller's.
func Compressing() []Peer {
	return []Peer{
		{"framerail-takeover", moduleFramerail, newFramerailTakeover(0), true, false},
		{"framerail-takeover-12", moduleFramerail, newFramerailTakeover(12), true, false},
		{"framerail-takeover-9", moduleFramerail, newFramerailTakeover(9), true, false},
		{"framerail-alone", moduleFramerail, newFramerailAlone, true, false},
		{"gws-takeover", moduleGWS, newGWSTakeover, true, false},
		{"coder-takeover", moduleCoder, newCoderTakeover, true, false},
		{"gws-alone", moduleGWS, newGWSAlone, true, false},
		{"gorilla-alone", moduleGorilla, newGorillaAlone, true, false},
		{"coder-alone", moduleCoder, newCoderAlone, true, false},
	}
}

const (
	moduleFramerail = "github.com/framerail/framerail"
	moduleGWS       = "github.com/lxzan/gws"
	moduleGorilla   = "github.com/gorilla/websocket"
	moduleCoder     = "github.com/coder/websocket"
)

// Names returns the names of some peers, in the same order.
func Names(of []Peer) []string {
	var names []string
	for _, p := range of {
		names = append(names, p.Name)
	}
	return names
}

// ByName returns the peer called name, of All, Compressing, Secure, Upgrading or Floor, or an error
// that lists the names there are.
func ByName(name string) (Peer, error) {
	all := slices.Concat(All(), Compressing(), Secure(), Upgrading(), Floor())
	for _, p := range all {
		if p.Name == name {
			return p, nil
		}
	}
	return Peer{}, fmt.Errorf("no peer %q; there are %s", name, strings.Join(Names(all), ", "))
}

// Version returns the version of the peer's module that this program was built
// with, or "tree" for the checkout it was built from.
func (p Peer) Version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "unknown"
	}
	for _, dep := range info.Deps {
		if dep.Path == p.Module && dep.Replace == nil && dep.Version != "(devel)" {
			return dep.Version
		}
	}
	return "tree"
}
