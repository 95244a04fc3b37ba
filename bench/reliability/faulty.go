//go:build linux

package main

import "net"

// faultyServers stand in for framerail where it has no option to break: each has
// one fault that a bar must see.
var faultyServers = map[string]func(net.Listener){}
