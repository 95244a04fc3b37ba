// Command lean-gobwas is one echo server, with no other library in the program.
package main

import (
	"github.com/framerail/framerail/bench/peers/gobwas"
	"github.com/framerail/framerail/bench/peers/peer"
)

func main() { peer.Main(gobwas.New(peer.Options{})) }
