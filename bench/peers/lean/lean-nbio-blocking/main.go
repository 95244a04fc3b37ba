// Command lean-nbio-blocking is one echo server, with no other library in the program.
package main

import (
	"github.com/framerail/framerail/bench/peers/nbio"
	"github.com/framerail/framerail/bench/peers/peer"
)

func main() { peer.Main(nbio.NewBlocking(peer.Options{})) }
