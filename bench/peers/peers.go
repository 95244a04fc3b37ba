// Package peers holds one echo server for each WebSocket library that framerail
// is compared with, and framerail's own, behind one small interface.
//
// Each server is set up the way its own documentation recommends for a server
// with many connections; the comment above each constructor says which
// recommendation that is. All of them take messages of up to MaxMessage bytes,
// none negotiates compression, and none checks more than its defaults check:
// framerail always verifies that text is UTF-8, the peers leave it out.
package peers

import (
	"fmt"
	"net"
	"runtime/debug"
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
}

// All returns the peers in the order in which tables list them, framerail
// first. The slice is the caller's.
func All() []Peer {
	return []Peer{
		{"framerail", "github.com/framerail/framerail", newFramerail},
		{"framerail-goroutines", "github.com/framerail/framerail", newFramerailGoroutines},
		{"gws", "github.com/lxzan/gws", newGWS},
		{"gorilla", "github.com/gorilla/websocket", newGorilla},
		{"coder", "github.com/coder/websocket", newCoder},
		{"gobwas", "github.com/gobwas/ws", newGobwas},
	}
}

// Names returns the names of All, in the same order.
func Names() []string {
	var names []string
	for _, p := range All() {
		names = append(names, p.Name)
	}
	return names
}

// ByName returns the peer called name, or an error that lists the names there
// are.
func ByName(name string) (Peer, error) {
	for _, p := range All() {
		if p.Name == name {
			return p, nil
		}
	}
	return Peer{}, fmt.Errorf("no peer %q; there are %s", name, strings.Join(Names(), ", "))
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
