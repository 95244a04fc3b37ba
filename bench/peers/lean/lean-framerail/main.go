// Command lean-framerail is one echo server, with no other library in the program.
package main

import (
	"github.com/framerail/framerail/bench/peers/framerail"
	"github.com/framerail/framerail/bench/peers/peer"
)

func main() { peer.Main(framerail.New(peer.Options{})) }
