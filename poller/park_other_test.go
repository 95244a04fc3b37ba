//go:build darwin || freebsd || netbsd || openbsd || dragonfly || (linux && kqueue)

package poller

// The benchmarks that need a client process are for linux alone.
const peerEnv = "FRAMERAIL_POLLER_PEER"

func runPeer(string) {}
