// Command lean-coder is one echo server, with no other library in the program.
package main

import (
	"github.com/framerail/framerail/bench/peers/coder"
	"github.com/framerail/framerail/bench/peers/peer"
)

func main() { peer.Main(coder.New(peer.Options{})) }
