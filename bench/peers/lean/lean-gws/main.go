// Command lean-gws is one echo server, with no other library in the program.
package main

import (
	"github.com/framerail/framerail/bench/peers/gws"
	"github.com/framerail/framerail/bench/peers/peer"
)

func main() { peer.Main(gws.New(peer.Options{})) }
