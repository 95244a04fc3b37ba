package api

import "testing"

// most is how many names each package may export: types, functions, methods, constants and
// variables. The numbers are what a reader has to learn, so they may only fall. A feature
// that needs more names states its own number.
var most = map[string]int{
	"mask":                 7, // Copy and XORASCII take one pass where two calls took two
	"frame":                62,
	"frame/deflate":        25,
	"poller":               14,
	"conn":                 122, // 3 for prepared messages; 5 to read instead of being called: decision 053; NetConn, RTT, AutoAnswer, Adaptive; the option AutoAnswer, and counters of servers and clients, EventLoops: 069
	"conn/wsjson":          2,
	"server":               88, // Leaving and Draining: decision 065; EventLoops: 069
	"client":               22, // Stats: 069
	"topics":               47, // brokers, by which several processes have the same topics: decision 060; Kept: 063
	"topics/brokertest":    20, // checks of a broker, and one in memory: decision 060; Refuser, of which a message may be refused
	"server/servertest":    47, // Transport, by which clients dial on the machine, and Restart, after which they come back: decision 070
	"server/xconnect":      0,  // it is imported for its effect
	"topics/nats":          13, // decision 062
	"topics/nats/embedded": 13,
	"topics/redis":         9, // decision 061
	"server/promstats":     4,
}

// mostTogether is the same for all packages.
const mostTogether = 492

func TestCount_OfNamesDoesNotGrow(t *testing.T) {
	packages := loaded(t)
	together := 0
	for _, name := range public {
		if packages[name] == nil {
			continue
		}
		d := declare(packages[name])
		t.Logf("%-18s %3d: %2d types, %2d functions, %2d methods, %2d constants, %2d variables", name, d.names(), d.types, d.funcs, d.methods, d.consts, d.vars)
		if d.names() > most[name] {
			t.Errorf("%s exports %d names, at most %d", name, d.names(), most[name])
		}
		together += d.names()
	}
	t.Logf("%-18s %3d", "together", together)
	if together > mostTogether {
		t.Errorf("all packages together export %d names, at most %d", together, mostTogether)
	}
}
