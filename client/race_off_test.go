//go:build !race

package client

// raceEnabled: the race detector makes pools drop at random what they are given.
const raceEnabled = false
