//go:build !linux

// Package floor has what is no server. It is made of epoll.
package floor

import "github.com/framerail/framerail/bench/peers/peer"

// New panics: there is no floor here.
func New() peer.Server { panic("floor: works on linux only") }

// NewParked panics like New.
func NewParked() peer.Server { panic("floor: works on linux only") }
