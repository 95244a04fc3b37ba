//go:build race

package wsjson_test

// raceEnabled: the race detector makes pools drop at random what they are given.
const raceEnabled = true
