//go:build !race

package server

// raceEnabled: the race detector makes pools drop at random what they are given.
const raceEnabled = false
