// Command lean-gorilla is one echo server, with no other library in the program.
package main

import (
	"github.com/framerail/framerail/bench/peers/gorilla"
	"github.com/framerail/framerail/bench/peers/peer"
)

func main() { peer.Main(gorilla.New(peer.Options{})) }
